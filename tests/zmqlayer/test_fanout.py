"""Groups: the barrier, delivery to each member once, full members, expiry, and lazy unsubscription."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.network import group_topic, inject, joined, missing_of, numbered, send_numbers
from zmqlayer.exceptions import LimitReached
from zmqlayer.frames import Kind, pack
from zmqlayer.limits import Limits
from zmqlayer.memory import MemoryNetwork, MemoryNode


def run_until(network: MemoryNetwork, node: MemoryNode, token: int | None, within_s: float = 2.0) -> float:
    """Run until the request is over, and return how many seconds that took."""
    start = network.now
    while not node.completed(token):
        network.run(0.001)
        assert network.now - start < within_s
    return network.now - start


def has_subscribed(node: MemoryNode, group: str) -> bool:
    return group_topic(node.config.cluster, group) in node.topics


# The barrier


@pytest.mark.parametrize("seed", range(5))
def test_after_group_add_no_message_is_missed(seed: int) -> None:
    """A group_send that starts anywhere after group_add returned reaches the channel, however far its sender is."""
    network, a, b, c = joined("a", "b", "c", seed=seed)
    network.delay(a, c, 0.05)
    channel = a.new_channel()

    took_s = run_until(network, a, a.group_add("room", channel))
    b.group_send("room", {"n": 1})
    c.group_send("room", {"n": 2})
    network.run(0.2)

    assert 0.1 <= took_s <= 0.25
    assert sorted(numbered(a, channel)) == [1, 2]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), after_s=st.floats(0, 0.2), delay_s=st.sampled_from([0.0002, 0.01, 0.03]))
def test_the_barrier_holds_during_a_handshake(seed: int, after_s: float, delay_s: float) -> None:
    """At any moment of a link's coming up: once group_add is over, a peer to whom we are ready misses no member."""
    network = MemoryNetwork(seed)
    a, b = network.add("a"), network.add("b")
    network.delay(a, b, delay_s)
    network.run(after_s)
    channel = a.new_channel()
    run_until(network, a, a.group_add("room", channel))
    was_ready = b.sees(a) == "ready"

    b.group_send("room", {"n": 1})
    network.run(1.0)

    assert not was_ready or numbered(a, channel) == [1]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), after_s=st.floats(0, 0.4), delay_s=st.sampled_from([0.0002, 0.01]))
def test_the_barrier_holds_during_a_cut(seed: int, after_s: float, delay_s: float) -> None:
    """While connections break and come back: once group_add is over, a peer that is ready misses no member."""
    network, a, b = joined("a", "b", seed=seed)
    network.delay(a, b, delay_s)
    channel = a.new_channel()
    network.after(0.1, lambda: network.cut(a, b))
    network.run(after_s)
    run_until(network, a, a.group_add("room", channel))
    was_ready = a.sees(b) == b.sees(a) == "ready"

    b.group_send("room", {"n": 1})
    network.run(0.01 + 2 * delay_s)

    assert not was_ready or numbered(a, channel) == [1] or a.sees(b) != "ready"


def test_a_later_member_of_a_group_is_free() -> None:
    """Only the first local member of a group needs the network."""
    network, a, _b = joined("a", "b")
    run_until(network, a, a.group_add("room", a.new_channel()))

    assert a.group_add("room", a.new_channel()) is None


def test_a_member_added_while_the_barrier_is_pending_waits_for_it_too() -> None:
    """Two members added at once are both covered when either addition is over."""
    network, a, b = joined("a", "b")
    network.delay(a, b, 0.05)
    first, second = a.new_channel(), a.new_channel()
    tokens = [a.group_add("room", first), a.group_add("room", second)]

    run_until(network, a, tokens[1])
    b.group_send("room", {"n": 1})
    network.run(0.2)

    assert None not in tokens
    assert a.completed(tokens[0])
    assert numbered(a, first) == numbered(a, second) == [1]


def test_a_peer_that_dies_midway_does_not_hold_up_group_add() -> None:
    """A barrier waits half a second at most for one that may be dead, and not at all for one that said goodbye."""
    network, a, dies, leaves = joined("a", "dies", "leaves")
    network.delay(a, leaves, 0.05)
    token = a.group_add("room", a.new_channel())
    network.stop(dies)
    leaves.leave()
    network.run(0.2)
    pending = not a.completed(token)

    network.kill(dies)
    network.run(0.35)

    assert pending
    assert missing_of(a, token) in ({dies.node_id}, set())


def test_a_peer_that_misses_the_barrier_is_named_and_silent() -> None:
    """A peer that does not answer within half a second holds nobody up: it is named, and gets no new work."""
    network, a, b, c = joined("a", "b", "c")
    network.stop(b)

    token = a.group_add("room", a.new_channel())
    took_s = run_until(network, a, token)

    assert 0.45 <= took_s <= 0.55
    assert missing_of(a, token) == {b.node_id}
    assert (a.sees(b), a.sees(c)) == ("silent", "ready")


def test_a_peer_that_missed_the_barrier_sends_to_the_group_once_it_is_back() -> None:
    """The subscription is on its way: it arrives when the peer goes on."""
    network, a, b = joined("a", "b")
    channel = a.new_channel()
    network.stop(b)
    run_until(network, a, a.group_add("room", channel))
    network.resume(b)
    network.run(0.1)

    b.group_send("room", {"n": 1})
    network.run(0.1)

    assert a.sees(b) == "ready"
    assert numbered(a, channel) == [1]


def test_a_barrier_leaves_nothing_behind() -> None:
    """The topic of a barrier is used once and taken back."""
    network, a, _b = joined("a", "b")
    before = len(a.topics)

    run_until(network, a, a.group_add("room", a.new_channel()))
    network.run(0.1)

    assert len(a.topics) == before + 1
    assert {topic for pipe in a.subs.values() for topic in pipe.topics} == a.topics


def test_groups_survive_a_cut() -> None:
    """A new link proves all subscriptions by itself: whoever is ready sends the group's messages."""
    network, a, b = joined("a", "b")
    channel = a.new_channel()
    run_until(network, a, a.group_add("room", channel))
    network.cut(a, b)
    network.run(1.0)

    b.group_send("room", {"n": 1})
    network.run(0.1)

    assert b.sees(a) == "ready"
    assert numbered(a, channel) == [1]


def test_a_newcomer_sends_to_groups_that_exist() -> None:
    """A node that starts later reaches all members as soon as it is ready."""
    network, a = joined("a")
    channel = a.new_channel()
    a.group_add("room", channel)
    late = network.add("late")
    network.run(0.1)

    late.group_send("room", {"n": 1})
    network.run(0.1)

    assert numbered(a, channel) == [1]


# Delivery


def test_each_member_gets_one_copy() -> None:
    """Members on the sender's node and on others each get the message once, whatever their number."""
    network, a, b = joined("a", "b")
    channels = [(node, node.new_channel()) for node in (a, b) for _ in range(5)]
    for node, channel in channels:
        node.group_add("room", channel)
    network.run(0.1)

    a.group_send("room", {"n": 1})
    network.run(0.1)

    assert [numbered(node, channel) for node, channel in channels] == [[1]] * 10


def test_a_channel_that_is_added_twice_gets_one_copy() -> None:
    """Adding is idempotent."""
    network, a, b = joined("a", "b")
    channel = a.new_channel()
    for _ in range(3):
        a.group_add("room", channel)
    network.run(0.1)

    b.group_send("room", {"n": 1})
    network.run(0.1)

    assert numbered(a, channel) == [1]


def test_only_nodes_with_members_get_the_frame() -> None:
    """The publisher's side filters: a node without members hears nothing of a group."""
    network, a, b, c = joined("a", "b", "c")
    run_until(network, b, b.group_add("room", b.new_channel()))
    heard = []
    receive = c.mesh.receive
    c.mesh.receive = lambda wire, now: (heard.append(wire[17]), receive(wire, now))

    a.group_send("room", {"n": 1})
    network.run(0.1)

    assert Kind.GROUP not in heard


def test_groups_of_the_same_name_in_other_clusters_are_others() -> None:
    """The cluster is part of a group's topic."""
    assert group_topic("red", "room") != group_topic("blue", "room")


def test_a_message_for_a_group_that_we_never_joined_is_ignored() -> None:
    """A frame on a topic that is not ours changes nothing."""
    network, a, b = joined("a", "b")
    a.group_add("room", channel := a.new_channel())
    network.run(0.1)

    inject(network, a, pack(group_topic("default", "other"), Kind.GROUP, b.node_id, 60_000, "", b"\x81\xa1n\x01"))

    assert numbered(a, channel) == []
    assert a.mesh.counters.malformed == 0


def test_a_full_member_misses_its_copy_and_no_other_does() -> None:
    """group_send never raises: the copy for a full member is dropped and counted."""
    network, a, b = joined("a", "b", capacity=3)
    full, other = b.new_channel(), b.new_channel()
    b.group_add("room", full)
    b.group_add("room", other)
    network.run(0.1)
    got = []

    for n in range(5):
        a.group_send("room", {"n": n})
        network.run(0.01)
        got += numbered(b, other)

    assert got == [0, 1, 2, 3, 4]
    assert numbered(b, full) == [0, 1, 2]
    assert b.mesh.counters.dropped["member full"] == 2


def test_copies_do_not_use_up_the_window_of_sends() -> None:
    """A channel full of group messages still takes what is sent to it directly."""
    network, a, b = joined("a", "b", capacity=3)
    channel = b.new_channel()
    b.group_add("room", channel)
    network.run(0.1)
    for n in range(3):
        a.group_send("room", {"n": n})

    send_numbers(a, channel, range(3, 6))
    network.run(0.1)

    assert numbered(b, channel) == [0, 1, 2, 3, 4, 5]


def test_expired_copies_are_not_read() -> None:
    """Group messages live as long as others."""
    network, a, b = joined("a", "b", expiry=5)
    channel = b.new_channel()
    b.group_add("room", channel)
    network.run(0.1)
    a.group_send("room", {"n": 0})

    network.run(5.5)

    assert numbered(b, channel) == []


# The end of membership


def test_a_discarded_member_gets_nothing_more() -> None:
    """Leaving takes effect at once, for messages that are still on their way too."""
    network, a, b = joined("a", "b")
    channel = a.new_channel()
    run_until(network, a, a.group_add("room", channel))
    b.group_send("room", {"n": 1})

    a.group_discard("room", channel)
    network.run(0.1)

    assert numbered(a, channel) == []


def test_discarding_a_stranger_is_silent() -> None:
    """Discard of a channel that is no member, in a group that does not exist, does nothing."""
    _network, a = joined("a")

    assert a.group_discard("nowhere", a.new_channel()) is None


def test_membership_ends_with_its_expiry_unless_it_is_renewed() -> None:
    """``group_expiry`` counts from the last addition."""
    network, a, b = joined("a", "b", group_expiry=10)
    ends, renewed = a.new_channel(), a.new_channel()
    a.group_add("room", ends)
    a.group_add("room", renewed)
    network.run(6.0)
    a.group_add("room", renewed)
    network.run(5.0)

    b.group_send("room", {"n": 1})
    network.run(0.1)

    assert numbered(a, ends) == []
    assert numbered(a, renewed) == [1]


def test_membership_dies_with_its_owner() -> None:
    """Nobody else knows of the members of a node that is gone; no zombie gets a copy."""
    network, a, b = joined("a", "b")
    run_until(network, b, b.group_add("room", b.new_channel()))
    network.kill(b)
    network.run(1.0)

    a.group_send("room", {"n": 1})
    network.run(0.1)

    assert a.mesh.group_channels("room", network.now)[0] == []
    assert a.mesh.counters.accepted == a.mesh.in_flight == 0


def test_a_closed_channel_leaves_its_groups() -> None:
    """A connection that ended is in no group."""
    network, a, b = joined("a", "b")
    channel = a.new_channel()
    run_until(network, a, a.group_add("room", channel))

    a.mesh.close_channel(channel, network.now)
    b.group_send("room", {"n": 1})
    network.run(0.1)

    assert a.mesh.in_flight == 0


def test_an_empty_group_is_unsubscribed_after_a_while() -> None:
    """A page that reloads costs no subscription; a group that stays empty for ten seconds is left."""
    network, a, _b = joined("a", "b")
    channel = a.new_channel()
    run_until(network, a, a.group_add("room", channel))
    a.group_discard("room", channel)
    network.run(9.0)
    lingers = has_subscribed(a, "room")

    network.run(3.0)

    assert lingers
    assert not has_subscribed(a, "room")


def test_a_group_that_fills_again_in_time_needs_no_barrier() -> None:
    """The subscription is still there, and so is the proof."""
    network, a, b = joined("a", "b")
    channel = a.new_channel()
    run_until(network, a, a.group_add("room", channel))
    a.group_discard("room", channel)
    network.run(5.0)

    token = a.group_add("room", channel)
    b.group_send("room", {"n": 1})
    network.run(20.0)

    assert token is None
    assert numbered(a, channel) == [1]
    assert has_subscribed(a, "room")


def test_a_group_that_was_left_is_proven_anew() -> None:
    """After the subscription was taken back, the next member raises a barrier again."""
    network, a, b = joined("a", "b")
    channel = a.new_channel()
    run_until(network, a, a.group_add("room", channel))
    a.group_discard("room", channel)
    network.run(15.0)

    token = a.group_add("room", channel)
    run_until(network, a, token)
    b.group_send("room", {"n": 1})
    network.run(0.1)

    assert token is not None
    assert numbered(a, channel) == [1]


# Debts: who missed a barrier


def test_a_peer_that_is_heard_still_owes_its_echo() -> None:
    """Hearing a peer again proves nothing about our subscription there: the next member waits for the echo."""
    network, a, b = joined("a", "b")
    network.delay(a, b, 0.8, is_one_way=True)
    late, later = a.new_channel(), a.new_channel()
    token = a.group_add("room", late)
    run_until(network, a, token)
    missed = missing_of(a, token)
    b.send(late, {"n": 0})
    network.run(0.05)
    heard = a.sees(b)

    took_s = run_until(network, a, a.group_add("room", later))
    network.delay(a, b, 0.0002, is_one_way=True)
    network.run(1.0)  # until the echo has come
    b.group_send("room", {"n": 1})
    network.run(0.1)

    assert (missed, heard) == ({b.node_id}, "ready")
    assert took_s > 0.2
    assert numbered(a, later) == [1]


def test_an_echo_that_was_lost_is_asked_for_anew() -> None:
    """A connection may break, and be made anew, before the echo came, unnoticed: no member waits for that for ever."""
    network, a, b = joined("a", "b")
    network.delay(b, a, 0.1, is_one_way=True)
    token = a.group_add("room", a.new_channel())
    network.run(0.05)
    for pipe in list(a.subs.values()):
        network.sever(pipe, 60.0)
    run_until(network, a, token)
    missed = missing_of(a, token)
    network.run(1.5)

    took_s = run_until(network, a, a.group_add("room", a.new_channel()))

    assert missed == {b.node_id}
    assert a.sees(b) == "ready"
    assert 0.1 <= took_s <= 0.25
    assert a.group_add("room", a.new_channel()) is None


def test_a_peer_that_was_silent_owes_its_echo_too() -> None:
    """Nobody waits for a silent peer; but once it is heard again, the next member does."""
    network, a, b = joined("a", "b")
    network.stop(b)
    network.run(4.0)
    network.delay(a, b, 0.3, is_one_way=True)
    first, second = a.new_channel(), a.new_channel()
    free = a.group_add("room", first)
    network.resume(b)
    b.send(first, {"n": 0})
    network.run(0.05)
    heard = a.sees(b)

    token = a.group_add("room", second)
    while not a.completed(token):
        network.run(0.001)
    network.delay(a, b, 0.0002, is_one_way=True)
    missed = missing_of(a, token)

    assert (free, heard) == (None, "ready")
    assert token is not None
    assert missed in (set(), {b.node_id})


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_nothing_is_lost_while_others_come_and_go(seed: int, data: st.DataObject) -> None:
    """A node that joins, leaves, dies or is cut off costs no other node a group message, and doubles none."""
    network, sender, *readers, other = joined("sender", "x", "y", "other", seed=seed, capacity=1000)
    channels = [reader.new_channel() for reader in readers]
    for reader, channel in zip(readers, channels, strict=True):
        run_until(network, reader, reader.group_add("room", channel))
    other.group_add("room", other.new_channel())
    faults = {
        "join": lambda: network.add("new").group_add("room", "audit"),
        "leave": other.leave,
        "kill": lambda: network.kill(other),
        "cut": lambda: [network.cut(other, node) for node in (sender, *readers)],
        "part": lambda: [network.partition(other, node) for node in (sender, *readers)],
        "stop": lambda: network.stop(other),
    }
    for name in data.draw(st.lists(st.sampled_from(sorted(faults)), max_size=3, unique=True)):
        network.after(data.draw(st.floats(0, 0.3)), faults[name])

    for n in range(100):
        sender.group_send("room", {"n": n})
        network.run(0.005)
    network.run(0.1)

    assert [numbered(reader, c) for reader, c in zip(readers, channels, strict=True)] == [[*range(100)]] * 2


# Bounds


def test_one_group_too_many_is_refused() -> None:
    """A node that is in as many groups as it may be says so, and is in no other; others go on."""
    network, a, b = joined("a", "b", limits=Limits(groups=2, memberships=3))
    channel = a.new_channel()
    for group in ("one", "two"):
        run_until(network, a, a.group_add(group, channel))

    with pytest.raises(LimitReached, match="2 groups"):
        a.group_add("three", channel)
    b.group_send("three", {"n": 3})
    b.group_send("two", {"n": 2})
    network.run(0.1)

    assert numbered(a, channel) == [2]
    assert not has_subscribed(a, "three")


def test_copies_share_one_body() -> None:
    """The copies of one frame are one message in memory, whatever the number of members."""
    network, a, b = joined("a", "b")
    channels = [b.new_channel() for _ in range(20)]
    for channel in channels:
        b.group_add("room", channel)
    network.run(0.1)

    a.group_send("room", {"n": 1})
    network.run(0.1)

    bodies = {id(b.mesh.take(b.interest(channel), network.now).body) for channel in channels}
    assert len(bodies) == 1


def test_a_request_that_comes_after_the_end_of_a_channel_adds_nobody() -> None:
    """A channel that was closed while a peer's request to add it was on its way does not join the group."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    network.delay(a, b, 0.1)
    token = a.group_add("room", channel)
    b.mesh.close_channel(channel, network.now)

    network.run(1.0)

    assert a.completed(token)
    assert b.mesh.group_channels("room", network.now)[0] == []
    assert not has_subscribed(b, "room")


def test_copies_are_bounded_in_all_members_together() -> None:
    """What members have unread takes so much memory and no more, however many they are; the rest is counted."""
    network, a = joined("a")
    b = network.add("b", limits=Limits(copies=3, copy_bytes=100), max_message_size=100)
    network.run(0.5)
    channels = [b.new_channel() for _ in range(4)]
    for channel in channels:
        b.group_add("room", channel)
    network.run(0.1)

    a.group_send("room", {"n": 1})
    network.run(0.1)
    got = [numbered(b, channel) for channel in channels]
    b.group_discard("room", channels[3])
    a.group_send("room", {"n": 2, "x": bytes(200)})
    a.group_send("room", {"n": 3})
    network.run(0.1)

    assert got == [[1], [1], [1], []]
    assert [numbered(b, channel) for channel in channels[:3]] == [[3]] * 3
    assert b.mesh.counters.dropped["copies full"] == 1 + 3
