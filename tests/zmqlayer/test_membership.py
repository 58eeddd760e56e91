"""Group methods that concern another node, or all: owners, members without one, lists and flushes."""

from __future__ import annotations

import pytest

from support.network import STRANGER, control, hear, inject, joined, missing_of, numbered, sent
from zmqlayer.codec import unpack_control
from zmqlayer.events import Completed
from zmqlayer.frames import Kind, parse
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.names import encode_node_id


def members(network: MemoryNetwork, node: MemoryNode, group: str) -> list[object]:
    """Ask for the members of a group as a layer does, and return them sorted."""
    own, token = node.mesh.group_channels(group, network.now)
    network.pump(node)
    network.run(0.1)
    answers = next((e.answers for e in node.events if isinstance(e, Completed) and e.token == token), {})
    lists = [answer for answer in answers.values() if isinstance(answer, list)]
    return sorted({*own, *(channel for answer in lists for channel in answer)})


# Channels of other nodes


def test_a_channel_is_added_by_its_owner() -> None:
    """A worker adds a browser's reply channel; when that is over, a third node's message reaches it."""
    network, server, worker, third = joined("server", "worker", "third")
    channel = server.new_channel("websocket.send")

    token = worker.group_add("room", channel)
    network.run(0.05)
    third.group_send("room", {"n": 1})
    network.run(0.05)

    assert missing_of(worker, token) == set()
    assert numbered(server, channel) == [1]


def test_the_owner_answers_after_its_barrier() -> None:
    """Adding through the owner gives the same promise as adding at the owner."""
    network, server, worker, far = joined("server", "worker", "far")
    network.delay(server, far, 0.1)

    token = worker.group_add("room", server.new_channel())
    network.run(0.15)
    early = worker.completed(token)
    network.run(0.5)

    assert not early
    assert worker.completed(token)


def test_a_channel_is_discarded_by_its_owner() -> None:
    """A worker takes a browser's channel out of a group."""
    network, server, worker = joined("server", "worker")
    channel = server.new_channel()
    worker.group_add("room", channel)
    network.run(0.05)

    token = worker.group_discard("room", channel)
    network.run(0.05)
    worker.group_send("room", {"n": 1})
    network.run(0.05)

    assert worker.completed(token)
    assert numbered(server, channel) == []


def test_adding_a_channel_of_nobody_is_over_at_once() -> None:
    """The browser is gone with its server: there is nobody to ask, and that is counted."""
    _network, worker, _other = joined("worker", "other")

    token = worker.group_add("room", f"reply.{encode_node_id(STRANGER)}!1")

    assert token is None
    assert worker.mesh.counters.unreachable == 1


def test_an_owner_that_dies_midway_holds_nobody_up() -> None:
    """A request to a peer that goes away is over when it is known to be gone: its membership went with it."""
    network, server, worker = joined("server", "worker")
    network.stop(server)
    token = worker.group_add("room", server.new_channel())
    network.run(0.1)
    pending = not worker.completed(token)

    network.kill(server)
    network.run(0.6)

    assert pending
    assert missing_of(worker, token) == set()


def test_an_owner_that_does_not_answer_is_named() -> None:
    """A request to a peer that stands still ends after a second, and says who did not answer."""
    network, server, worker = joined("server", "worker")
    network.stop(server)

    token = worker.group_add("room", server.new_channel())
    network.run(1.1)

    assert missing_of(worker, token) == {server.node_id}


# Channels without an owner


def test_a_named_channel_is_a_member_at_every_node() -> None:
    """Whoever sends to the group sends to the named channel; one of its readers gets the message."""
    network, a, b, reader = joined("a", "b", "reader", prefetch=9)
    a.group_add("log", "audit")
    network.run(0.1)
    reader.wait("audit")
    network.run(0.1)

    b.group_send("log", {"n": 1})
    network.run(0.1)

    assert numbered(reader, "audit") == [1]


def test_a_newcomer_learns_of_members_without_an_owner() -> None:
    """A node that starts later sends to named members too."""
    network, a = joined("a")
    a.group_add("log", "audit")
    late = network.add("late")
    network.run(0.1)
    a.wait("audit")
    network.run(0.1)

    late.group_send("log", {"n": 1})
    network.run(0.1)

    assert numbered(a, "audit") == [1]


def test_a_named_member_is_discarded_everywhere() -> None:
    """No node sends to a named channel that was discarded anywhere."""
    network, a, b = joined("a", "b")
    a.group_add("log", "audit")
    network.run(0.1)

    b.group_discard("log", "audit")
    network.run(0.1)
    a.group_send("log", {"n": 1})
    b.group_send("log", {"n": 2})

    assert a.mesh.in_flight == b.mesh.in_flight == 0


def test_a_named_member_expires() -> None:
    """Members without an owner end with ``group_expiry`` too, at every node."""
    network, a, b = joined("a", "b", group_expiry=5)
    a.group_add("log", "audit")
    network.run(7.0)

    b.group_send("log", {"n": 1})

    assert b.mesh.in_flight == 0


def test_a_full_named_member_never_fails_the_group() -> None:
    """group_send does not raise for a full queue either; the refusal is counted."""
    network, a, b = joined("a", "b", capacity=2)
    channel = b.new_channel()
    b.group_add("log", channel)
    a.group_add("log", "audit")
    network.run(0.1)

    for n in range(4):
        a.group_send("log", {"n": n})
        network.run(0.01)

    assert a.mesh.counters.refused == 2
    assert a.mesh.in_flight == 2


def test_a_single_reader_channel_may_be_a_member() -> None:
    """A ``?`` channel is read anywhere, so it counts as ownerless; its messages still go through its maker."""
    network, maker, other = joined("maker", "other")
    channel = f"body?{encode_node_id(maker.node_id)}1"
    other.group_add("log", channel)
    network.run(0.1)

    other.group_send("log", {"n": 1})
    network.run(0.1)

    assert maker.mesh.in_flight == 1


# Lists and flushes


def test_lists_name_all_members_of_all_nodes() -> None:
    """group_channels asks everyone: process channels by their owners, named ones by whoever knows."""
    network, a, b, c = joined("a", "b", "c")
    channels = [a.new_channel(), b.new_channel()]
    a.group_add("room", channels[0])
    b.group_add("room", channels[1])
    c.group_add("room", "audit")
    network.run(0.1)

    assert members(network, c, "room") == sorted([*channels, "audit"])


def test_a_flush_empties_every_node() -> None:
    """When flush is over, no node holds a message or a membership."""
    network, a, b, c = joined("a", "b", "c", prefetch=5)
    b.wait("read")
    network.run(0.1)
    for node in (a, b, c):
        node.send("jobs", {"n": 1})
        node.send(b.new_channel(), {"n": 2})
        node.group_add("room", node.new_channel())
    a.send("read", {"n": 3})
    a.group_add("log", "audit")
    network.run(0.2)

    token = c.flush()
    network.run(0.1)

    assert c.completed(token)
    assert [node.mesh.in_flight for node in (a, b, c)] == [0, 0, 0]
    assert members(network, a, "room") == members(network, b, "log") == []


def test_a_flush_leaves_the_mesh_working() -> None:
    """Windows, credit and subscriptions are as good as new after a flush."""
    network, a, b = joined("a", "b", capacity=3, prefetch=2)
    channel = b.new_channel()
    b.wait("jobs")
    network.run(0.1)
    for n in range(3):
        a.send(channel, {"n": n})
        a.send("jobs", {"n": n})
    network.run(0.2)
    a.flush()
    network.run(0.1)
    b.wait("jobs")
    b.group_add("room", channel)
    network.run(0.1)

    for n in range(3):
        a.send(channel, {"n": n})
        a.send("jobs", {"n": n})
    a.group_send("room", {"n": 3})
    network.run(0.1)

    assert numbered(b, channel) == [0, 1, 2, 3]
    assert numbered(b, "jobs")[:1] == [0]


# What peers ask for


def test_a_service_that_is_not_known_is_not_answered() -> None:
    """A newer minor version may ask for more; it hears nothing and goes on."""
    network, a, b = joined("a", "b")

    a.mesh.receive(control(b.node_id, Kind.ASK, a, {"id": 5, "service": "novelty"}), network.now)

    assert sent(a.mesh.outgoing(), Kind.ANSWER) == []
    assert a.mesh.counters.malformed == 0


def test_answers_name_the_question() -> None:
    """An answer carries the number of the question, and goes to who asked."""
    network, a, b = joined("a", "b")

    a.mesh.receive(control(b.node_id, Kind.ASK, a, {"id": 5, "service": "group_channels", "group": "g"}), network.now)
    (answer,) = sent(a.mesh.outgoing(), Kind.ANSWER)

    assert unpack_control(parse(answer).body) == {"id": 5, "value": []}
    assert parse(answer).topic.endswith(b.node_id)


def test_an_answer_that_nobody_waits_for_is_ignored() -> None:
    """Late answers, and answers from whoever was not asked, change nothing."""
    network, a, b = joined("a", "b")

    inject(network, a, control(b.node_id, Kind.ANSWER, a, {"id": 999, "value": True}))

    assert a.mesh.counters.malformed == 0
    assert a.sees(b) == "ready"


@pytest.mark.parametrize("key", ["group", "channel"])
@pytest.mark.parametrize("name", ["", "x" * 70_000, "a b", "é", 7, None])
def test_a_request_with_an_impossible_name_breaks_the_protocol(key: str, name: object) -> None:
    """A peer cannot plant a member whose name no frame could carry."""
    network, a, b = joined("a", "b")
    request = {"id": 5, "service": "group_add", "group": "log", "channel": "audit", "lives_s": 60, key: name}

    inject(network, a, control(b.node_id, Kind.ASK, a, request))
    a.group_send("log", {"n": 1})

    assert a.mesh.counters.malformed == 1
    assert a.sees(b) is None


def test_a_flush_drops_what_is_on_its_way() -> None:
    """What a peer sent before it heard of the flush does not turn up after it."""
    network, a, b, c = joined("a", "b", "c")
    network.delay(a, c, 0.05)
    network.delay(a, b, 0.1)
    channels = a.new_channel(), c.new_channel()
    b.send(channels[0], {"n": 1})
    b.send(channels[1], {"n": 2})

    token = a.flush()
    network.run(1.0)

    assert a.completed(token)
    assert a.mesh.in_flight == c.mesh.in_flight == 0


def test_a_flush_waits_for_the_second_round_although_one_stands_still() -> None:
    """What the others had sent by the first round is dropped by the time it is over."""
    network, a, b, c = joined("a", "b", "c")
    network.stop(c)
    network.delay(a, b, 0.3)
    asked = hear(b, Kind.ASK)
    token = a.flush()
    over = []

    for _ in range(30):
        network.run(0.1)
        over.append((len(asked), a.completed(token)))

    assert (2, True) in over
    assert (1, True) not in over


def test_a_flush_does_not_wait_for_one_that_dies_midway() -> None:
    """A peer that goes away while all flush holds nobody up."""
    network, a, b, c = joined("a", "b", "c")
    network.stop(b)
    token = a.flush()
    network.run(0.01)

    network.kill(b)
    network.run(0.6)

    assert missing_of(a, token) == set()
    assert c.mesh.in_flight == 0


# Lists


def test_a_list_says_who_did_not_answer() -> None:
    """A node that stands still is asked too, and named when it does not answer."""
    network, a, b, c = joined("a", "b", "c")
    c.group_add("room", channel := c.new_channel())
    network.run(0.1)
    network.stop(b)
    network.run(4.0)

    _own, token = a.mesh.group_channels("room", network.now)
    network.pump(a)
    network.run(1.1)

    answers = next(e.answers for e in a.events if isinstance(e, Completed) and e.token == token)
    assert answers == {c.node_id: [channel]}
    assert missing_of(a, token) == {b.node_id}


def test_a_list_of_any_length_is_whole() -> None:
    """A crowd is listed in parts, and exactly."""
    network, a, b = joined("a", "b")
    channels = [b.new_channel() for _ in range(1_234)]
    for channel in channels:
        b.group_add("crowd", channel)
    network.run(0.1)

    assert members(network, a, "crowd") == sorted(channels)


def test_a_single_reader_channel_leaves_with_its_maker() -> None:
    """A ``?`` channel is a member as long as its maker lives, and nobody keeps it after."""
    network, maker, other = joined("maker", "other")
    other.group_add("log", f"body?{encode_node_id(maker.node_id)}1")
    network.run(0.1)
    listed = members(network, other, "log")

    network.kill(maker)
    network.run(1.0)
    other.group_send("log", {"n": 1})

    assert len(listed) == 1
    assert members(network, other, "log") == []
    assert other.mesh.in_flight == other.mesh.counters.accepted == 0
