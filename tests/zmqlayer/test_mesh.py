"""The mesh as a whole: hostile input, the join, time, what it tells its node, and what it shows of itself."""

from __future__ import annotations

from support.network import (
    STRANGER,
    assert_conserved,
    assert_meshed,
    assert_settled,
    joined,
    send_numbers,
    sent,
)
from zmqlayer.events import Joined, Readable
from zmqlayer.frames import BROADCAST, Kind, barrier_topic
from zmqlayer.memory import MemoryNetwork
from zmqlayer.names import encode_node_id

NOT_MSGPACK = b"\xc1"
A_LIST = b"\x93\x01\x02\x03"


# The join


def test_a_node_alone_has_joined_at_once() -> None:
    """Where discovery found nobody, there is nothing to wait for."""
    network = MemoryNetwork()

    a = network.add("a")

    assert a.mesh.is_joined
    assert any(isinstance(event, Joined) for event in a.events)


def test_a_node_has_joined_when_all_that_exist_are_linked() -> None:
    """The join is over when every link that can come up is up, and not before."""
    network, *_others = joined("a", "b", "c")
    late = network.add("late")
    before = late.mesh.is_joined

    network.run(0.01)

    assert not before
    assert late.mesh.is_joined
    assert late.mesh.ready_peers == 3


def test_a_join_does_not_wait_for_the_dead() -> None:
    """A ghost that discovery still names holds nobody up: its host says that nobody listens."""
    network = MemoryNetwork()
    ghost = network.add("ghost")
    a = network.add("a")
    network.kill(ghost)
    before = a.mesh.is_joined

    network.run(0.01)

    assert not before
    assert a.mesh.is_joined


def test_a_join_does_not_wait_for_the_unreachable() -> None:
    """A host that keeps silent holds nobody up for longer than 1.5 seconds."""
    network = MemoryNetwork()
    hidden = network.add("hidden")
    a = network.add("a")
    network.partition(a, hidden)
    network.run(1.4)
    before = a.mesh.is_joined

    network.run(0.2)

    assert not before
    assert a.mesh.is_joined


def test_a_refused_foreigner_does_not_hold_up_the_join() -> None:
    """A node of another cluster never answers; joining takes 1.5 seconds at most."""
    network = MemoryNetwork()
    network.add("red", cluster="red")
    blue = network.add("blue", cluster="blue")

    network.run(1.6)

    assert blue.mesh.is_joined


# Events and time


def test_each_message_for_a_waiting_channel_is_told_once() -> None:
    """One event for each message that can be taken."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    b.wait("jobs")
    network.run(0.1)
    b.events.clear()

    a.send(channel, {"n": 1})
    a.send("jobs", {"n": 2})
    network.run(0.1)

    assert sorted(map(str, b.events)) == sorted(map(str, [Readable(channel), Readable(("jobs",))]))


def test_a_mesh_at_rest_only_beats() -> None:
    """With nothing to do, a node sends one heartbeat a second, and one pulse to each peer."""
    network, a, _b = joined("a", "b")
    carried = []
    outgoing = a.mesh.outgoing
    a.mesh.outgoing = lambda: carried.extend(taken := outgoing()) or taken

    network.run(10.0)

    assert 9 <= len(sent(carried, Kind.HEARTBEAT)) == len(sent(carried, Kind.PULSE)) <= 11
    assert len(carried) == 2 * len(sent(carried, Kind.PULSE))


def test_a_node_alone_sends_nothing() -> None:
    """Without peers there is nobody to hear a heartbeat."""
    network, a = joined("a")
    outgoing = a.mesh.outgoing
    carried = []
    a.mesh.outgoing = lambda: carried.extend(taken := outgoing()) or taken

    network.run(10.0)

    assert carried == []


def test_a_barrier_is_echoed_whoever_raises_it() -> None:
    """XPUB's report of a barrier topic is answered on that topic."""
    network, a = joined("a")

    a.mesh.subscribed(barrier_topic(b"n" * 8), network.now)

    assert [wire[:17] for wire in sent(a.mesh.outgoing(), Kind.ECHO)] == [barrier_topic(b"n" * 8)]


def test_a_barrier_for_somebody_else_is_not_echoed() -> None:
    """Every peer sees it, since a SUB subscribes at all of them; one of them answers."""
    network, a, b = joined("a", "b")
    topic = barrier_topic(b"n" * 8, b.node_id)

    for node in (a, b):
        node.mesh.subscribed(topic, network.now)

    assert sent(a.mesh.outgoing(), Kind.ECHO) == []
    assert [wire[:17] for wire in sent(b.mesh.outgoing(), Kind.ECHO)] == [topic]


def test_a_topic_that_is_no_nodes_is_nothing_to_links() -> None:
    """Subscriptions to groups and to everything are none of a link's business."""
    network, a, b = joined("a", "b")

    for topic in (BROADCAST, b"\x02" + bytes(16), b"short", b""):
        a.mesh.subscribed(topic, network.now)
        a.mesh.unsubscribed(topic, network.now)

    assert_meshed(a, b)


# Counting


def test_what_was_accepted_is_accounted_for() -> None:
    """At any time at each node; and once all is quiet, the nodes agree on what went from one to another."""
    network, a, b, c = joined("a", "b", "c", capacity=5, expiry=5)
    channels = [b.new_channel(), b.new_channel()]
    b.group_add("room", channels[0])
    network.run(0.1)
    for n in range(5):
        a.send(channels[1], {"n": n})
        a.send("jobs", {"n": n})
        a.send("unread", {"n": n})
    for n in range(7):
        c.group_send("room", {"n": n})
    a.send(f"x.{encode_node_id(STRANGER)}!1", {"n": 0})
    b.wait("jobs")
    network.run(0.1)
    b.take("jobs")
    b.take(channels[0])
    network.run(6.0)

    counters = b.mesh.counters
    assert_conserved(a, b, c)
    assert_settled(a, b, c)
    assert a.mesh.counters.dropped == {"no such peer": 1}
    assert (counters.delivered, counters.dropped["member full"]) == (2, 2)


def test_a_mesh_shows_its_state() -> None:
    """The representation names the role, the id, the peers and what lies here."""
    _network, a, _b = joined("a", "b", role="worker")
    send_numbers(a, "jobs", range(2))

    assert repr(a.mesh).endswith("[1 peers ready | 2 messages in flight]>")
    assert repr(a.mesh).startswith(f"<Mesh worker {encode_node_id(a.node_id)[:4]}")
    assert repr(a).startswith("<MemoryNode a <Mesh")


def test_peers_are_described() -> None:
    """What users are told about a peer."""
    _network, a, b = joined("a", "b", role="worker")

    (peer,) = a.mesh.peers()

    assert (peer.node_id, peer.role, peer.address, peer.state) == (b.node_id, "worker", "tcp://b:1", "ready")


def test_node_ids_are_new_at_each_start() -> None:
    """Two processes never share an id, though they have the same name."""
    network = MemoryNetwork()
    first = network.add("a")
    network.kill(first)

    assert network.add("a").node_id != first.node_id


def test_what_lies_here_can_be_seen_and_taken_by_its_key() -> None:
    """A process channel by its name, a reader by its channels; there is nothing to take where nothing is seen."""
    network, a, b = joined("a", "b", prefetch=2)
    channel = b.new_channel()
    b.wait("jobs")
    network.run(0.1)
    for name, channels in ((channel, ("jobs",)), ("x!y", ("others",))):
        assert name not in b.mesh.unread_mail
        assert b.mesh.take_mail(name, network.now) is None
        assert not b.mesh.has_work(channels)
        assert b.mesh.take_work(channels, network.now) is None

    for name in (channel, "jobs"):
        a.send(name, {"n": 1})
    network.run(0.1)

    assert channel in b.mesh.unread_mail
    assert b.mesh.take_mail(channel, network.now) is not None
    assert channel not in b.mesh.unread_mail
    assert b.mesh.has_work(("jobs",))
    assert b.mesh.take_work(("jobs",), network.now) is not None
    assert not b.mesh.has_work(("jobs",))
    assert b.mesh.counters.delivered == 2
