"""Process channels: order, windows, and what becomes of mail for the unknown, the slow and the dead."""

from __future__ import annotations

import pytest

from support.network import STRANGER, joined, numbered, send_numbers, sent
from zmqlayer.actions import Publish
from zmqlayer.codec import encode
from zmqlayer.events import Readable
from zmqlayer.exceptions import ChannelFull
from zmqlayer.frames import Kind, node_of, node_topic, parse, parse_batch
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.names import NodeId, encode_node_id


def dropped(node: MemoryNode, reason: str) -> int:
    return node.mesh.counters.dropped[reason]


# Order


def test_sends_arrive_in_order() -> None:
    """What one node sends to one channel is read in the order in which it was sent."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()

    send_numbers(a, channel, range(50))
    network.run(0.1)

    assert numbered(b, channel) == list(range(50))


def test_mail_flows_as_soon_as_subscriptions_do() -> None:
    """A node's subscriptions may come before its greeting; group messages reach it then, so mail must as well."""
    network, a = joined("a")
    channel = f"reply.{encode_node_id(STRANGER)}!1"

    a.mesh.subscribed(node_topic(STRANGER), network.now)
    a.mesh.send(channel, b"\x80", network.now)

    kinds = [parse(wire).kind for wire in (action.wire for action in a.mesh.outgoing() if isinstance(action, Publish))]
    assert [kind for kind in kinds if kind in (Kind.TALLY, Kind.DIRECT)] == [Kind.TALLY, Kind.DIRECT]
    assert a.mesh.in_flight == 0
    a.mesh.unsubscribed(node_topic(STRANGER), network.now)
    a.mesh.send(channel, b"\x80", network.now)
    assert dropped(a, "no such peer") == 1


def test_subscriptions_of_strangers_keep_no_newcomer_out() -> None:
    """A table full of nodes that never greeted has room for the next one; those that are linked stay in it."""
    network, a, b = joined("a", "b", limits={"subscribers": 3})
    for number in range(5):
        a.mesh.subscribed(node_topic(NodeId(bytes([number]) * 16)), network.now)

    a.mesh.subscribed(node_topic(STRANGER), network.now)

    for node_id in (STRANGER, b.node_id):
        a.mesh.send(f"reply.{encode_node_id(node_id)}!1", b"\x80", network.now)
    published = [action.wire for action in a.mesh.outgoing() if isinstance(action, Publish)]
    assert [node_of(wire[:17]) for wire in published if wire[17] == Kind.DIRECT] == [STRANGER, b.node_id]


def test_sends_and_group_sends_keep_one_order() -> None:
    """A send never overtakes an earlier group_send of the same node, nor the other way round."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    b.group_add("room", channel)
    network.run(0.1)

    for n in range(0, 60, 2):
        a.send(channel, {"n": n})
        a.group_send("room", {"n": n + 1})
    network.run(0.1)

    assert numbered(b, channel) == list(range(60))


def test_what_is_sent_together_leaves_together_and_in_order() -> None:
    """Within one turn messages to a channel share a frame, and none overtakes a message to another or to a group."""
    network, a, b = joined("a", "b")
    channel, other = b.new_channel(), b.new_channel()
    b.group_add("room", channel)
    b.group_add("room", other)
    network.run(0.1)
    to_others = {3: other, 9: other, 14: other}

    for n in range(20):
        body = encode(channel, {"n": n}, 1000)
        if n % 7 == 5:
            a.mesh.group_send("room", body, network.now)
        else:
            a.mesh.send(to_others.get(n, channel), body, network.now)
    network.pump(a)
    network.run(0.1)

    to_all = [n for n in range(20) if n % 7 == 5]
    assert numbered(b, channel) == [n for n in range(20) if n not in to_others]
    assert numbered(b, other) == sorted([*to_others, *to_all])


def test_a_batch_wakes_as_many_receivers_as_it_has_messages() -> None:
    """One frame brings three messages: three of those who wait have something to take."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    for n in range(3):
        a.mesh.send(channel, encode(channel, {"n": n}, 1000), network.now)
    (wire,) = sent(a.mesh.outgoing(), Kind.BATCH)
    b.events.clear()

    b.mesh.receive(wire, network.now)

    assert b.mesh.events() == [Readable(channel, 3)]
    assert len(parse_batch(parse(wire).body)) == 3


@pytest.mark.parametrize("seed", range(40))
def test_a_cut_does_not_mix_the_order_of_what_survives(seed: int) -> None:
    """Messages may be lost with a connection, but a group_send never overtakes an earlier send."""
    network = MemoryNetwork(seed=seed)
    a, b = network.add("a", capacity=1000), network.add("b", capacity=1000)
    network.run(0.5)
    channel = b.new_channel()
    b.group_add("room", channel)
    network.run(0.1)

    numbers: list[int] = []
    for n in range(400):
        if n == 40:
            network.cut(a, b)
        network.run(0.002 if n < 88 else 0.00005)  # slowly, while the pipes come back
        if n % 3:
            a.send(channel, {"n": n})
        else:
            a.group_send("room", {"n": n})
        numbers += numbered(b, channel)
    network.run(1.0)
    numbers += numbered(b, channel)

    assert numbers == sorted(numbers)
    assert numbers[-1] == 399


def test_a_reader_of_a_prefix_gets_all_channels_in_turn() -> None:
    """A busy channel does not starve a quiet one that is read through the same prefix."""
    network, a, b = joined("a", "b")
    busy, quiet = b.new_channel(), b.new_channel()
    send_numbers(a, busy, range(10))
    a.send(quiet, {"n": 99})
    network.run(0.1)

    taken = numbered(b, busy.partition("!")[0] + "!")

    assert taken[1] == 99
    assert [n for n in taken if n != 99] == list(range(10))


def test_a_message_to_oneself_needs_no_network() -> None:
    """A node alone sends to its own channels, within the same capacity."""
    network = MemoryNetwork()
    a = network.add("a", capacity=2)
    channel = a.new_channel()
    send_numbers(a, channel, range(2))

    with pytest.raises(ChannelFull):
        a.send(channel, {"n": 2})

    assert numbered(a, channel) == [0, 1]
    a.send(channel, {"n": 3})


# Capacity


def test_capacity_is_exact_while_the_reader_stands_still() -> None:
    """A hundred messages to a stopped owner are taken, the next is refused and counted, and none is lost."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    network.stop(b)
    send_numbers(a, channel, range(100))

    with pytest.raises(ChannelFull) as caught:
        a.send(channel, {"n": 100})

    assert (caught.value.channel, caught.value.limit) == (channel, 100)
    assert (a.mesh.counters.accepted, a.mesh.counters.refused) == (100, 1)
    network.resume(b)
    network.run(0.1)
    assert numbered(b, channel) == list(range(100))


def test_a_full_channel_does_not_fill_others() -> None:
    """Capacity is per channel: the owner's other channels still take messages."""
    network, a, b = joined("a", "b", capacity=3)
    full, other = b.new_channel(), b.new_channel()
    send_numbers(a, full, range(3))

    send_numbers(a, other, range(3))
    network.run(0.1)

    assert numbered(b, other) == [0, 1, 2]


@pytest.mark.parametrize("taken", [1, 50])
def test_a_window_opens_again_when_messages_are_read(taken: int) -> None:
    """As many messages as were read can be sent anew, soon after: at half the capacity, or after 50 ms."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    send_numbers(a, channel, range(100))
    network.run(0.01)
    for _ in range(taken):
        b.take(channel)
    network.run(0.1)

    send_numbers(a, channel, range(100, 100 + taken))

    with pytest.raises(ChannelFull):
        a.send(channel, {"n": 0})


def test_a_window_opens_when_messages_expire_unread() -> None:
    """What must have expired at its owner no longer counts as capacity, even if the owner cannot say so."""
    network, a, b = joined("a", "b", capacity=3, expiry=5)
    channel = b.new_channel()
    send_numbers(a, channel, range(3))
    network.run(0.1)
    network.partition(a, b)
    network.run(5.0)
    send_numbers(a, channel, range(3, 6))
    network.heal(a, b)
    network.run(0.5)

    with pytest.raises(ChannelFull):
        a.send(channel, {"n": 6})

    assert numbered(b, channel) == [3, 4, 5]
    assert b.mesh.counters.expired == 3


def test_capacity_of_a_channel_follows_its_pattern() -> None:
    """``channel_capacity`` holds for process channels too, by their full name."""
    _network, a, b = joined("a", "b", channel_capacity={"tiny.*": 1})
    channel = b.new_channel("tiny")
    a.send(channel, {"n": 0})

    with pytest.raises(ChannelFull):
        a.send(channel, {"n": 1})


def test_a_peer_holds_a_bounded_number_of_messages() -> None:
    """``peer_messages`` bounds what is outstanding to one node, over all of its channels."""
    network, a, b, c = joined("a", "b", "c", peer_messages=10)
    network.stop(b)
    for _ in range(10):
        a.send(b.new_channel(), {"n": 0})

    with pytest.raises(ChannelFull):
        a.send(b.new_channel(), {"n": 0})

    a.send(c.new_channel(), {"n": 0})


# Gone, unknown, not there yet


def test_mail_for_an_unknown_node_is_dropped_and_counted() -> None:
    """A reply to a process that ended long ago costs nothing but a count."""
    _network, a, _b = joined("a", "b")

    a.send(f"reply.{encode_node_id(STRANGER)}!1", {"n": 1})

    assert dropped(a, "no such peer") == 1
    assert a.mesh.in_flight == 0


def test_mail_for_a_node_that_left_is_dropped_and_counted() -> None:
    """A reply to a process that said goodbye does not wait for anybody."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    b.leave()
    network.run(0.1)

    send_numbers(a, channel, range(200))

    assert dropped(a, "no such peer") == 200


def test_mail_for_a_peer_that_dies_is_counted_as_lost() -> None:
    """Messages whose reader was killed before it read them are counted once it is known to be gone."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    send_numbers(a, channel, range(5))

    network.kill(b)
    network.run(1.0)

    assert dropped(a, "peer gone") == 5
    assert a.mesh.in_flight == 0


def test_mail_before_the_link_is_up_waits_and_arrives() -> None:
    """A process that has just started can answer at once: what it sends waits for the link, in order."""
    network = MemoryNetwork()
    b = network.add("b")
    network.run(1.0)
    channel = b.new_channel()
    a = network.add("a")

    send_numbers(a, channel, range(10))
    network.run(0.1)

    assert numbered(b, channel) == list(range(10))


def test_mail_before_the_link_is_up_is_bounded() -> None:
    """Waiting for a link is no way around capacity."""
    network = MemoryNetwork()
    b = network.add("b")
    network.partition(b, a := network.add("a"))
    channel = b.new_channel()
    send_numbers(a, channel, range(100))

    with pytest.raises(ChannelFull):
        a.send(channel, {"n": 100})


def test_mail_for_a_node_that_does_not_answer_in_time_is_dropped() -> None:
    """Once a fresh node has joined, what still waits for a link waits for the dead: it is dropped and counted."""
    network = MemoryNetwork()
    b = network.add("b")
    network.partition(b, a := network.add("a"))
    send_numbers(a, b.new_channel(), range(5))

    network.run(2.5)

    assert dropped(a, "peer gone") == 5
    assert a.mesh.in_flight == 0


def test_mail_sent_during_a_cut_waits_for_the_link() -> None:
    """What is sent while connections are broken arrives after them, in order; only what was in flight is lost."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    send_numbers(a, channel, range(5))
    network.cut(a, b)
    network.run(0.001)

    send_numbers(a, channel, range(5, 10))
    network.run(1.0)

    assert numbered(b, channel) == [5, 6, 7, 8, 9]


def test_mail_through_many_cuts_is_in_order_and_never_doubled() -> None:
    """Cuts may lose what was in flight; they never reorder or repeat."""
    network, a, b = joined("a", "b", capacity=1000)
    channel = b.new_channel()
    for n in range(100):
        a.send(channel, {"n": n})
        network.run(0.02)
        if n % 7 == 0:
            network.cut(a, b)
    network.run(2.0)

    got = numbered(b, channel)

    assert got == sorted(set(got))
    assert len(got) >= 80


# The owner


def test_expired_mail_is_never_read() -> None:
    """A message that was not read within ``expiry`` seconds is counted, not delivered."""
    network, a, b = joined("a", "b", expiry=5)
    channel = b.new_channel()
    a.send(channel, {"n": 0})
    network.run(3.0)
    a.send(channel, {"n": 1})
    network.run(2.5)

    assert numbered(b, channel) == [1]
    assert b.mesh.counters.expired == 1


def test_expired_mail_is_swept_though_nobody_reads() -> None:
    """A channel that nobody reads does not hold messages beyond their time."""
    network, a, b = joined("a", "b", expiry=5)
    send_numbers(a, b.new_channel(), range(5))

    network.run(7.0)

    assert b.mesh.counters.expired == 5
    assert b.mesh.in_flight == 0


def test_time_at_the_sender_counts_towards_expiry() -> None:
    """A message says how long it still lives when it is sent; what waited at the sender lives shorter."""
    network = MemoryNetwork()
    b = network.add("b")
    network.delay(b, a := network.add("a", expiry=1), 0.05)
    channel = b.new_channel()
    a.send(channel, {"n": 0})
    network.run(0.9)
    arrived = b.mesh.in_flight

    network.run(0.25)

    assert arrived == 1
    assert numbered(b, channel) == []


def test_a_closed_channel_drops_what_is_unread_and_frees_its_senders() -> None:
    """When a connection ends, its unread messages are counted, and the window towards it is empty again."""
    network, a, b = joined("a", "b", peer_messages=5)
    channel = b.new_channel()
    send_numbers(a, channel, range(5))
    network.run(0.1)

    b.mesh.close_channel(channel, network.now)
    network.pump(b)
    network.run(0.1)

    assert dropped(b, "channel closed") == 5
    send_numbers(a, b.new_channel(), range(5))


def test_a_peer_that_comes_back_starts_with_open_windows() -> None:
    """What was outstanding to a peer that was gone does not count against its new link."""
    network, a, b = joined("a", "b", capacity=5)
    channel = b.new_channel()
    network.partition(a, b)
    send_numbers(a, channel, range(5))
    network.run(12.0)
    network.heal(a, b)
    network.run(10.0)
    numbered(b, channel)

    send_numbers(a, channel, range(10, 15))
    network.run(0.1)

    assert numbered(b, channel) == [10, 11, 12, 13, 14]


def test_a_flush_drops_what_waits_for_a_link() -> None:
    """A message for a peer whose connection is broken is dropped too, and its window opens."""
    network, a, b = joined("a", "b", capacity=1)
    channel = b.new_channel()
    network.cut(a, b)
    network.run(0.01)
    a.send(channel, {"n": 1})

    a.flush()
    network.run(1.0)
    a.send(channel, {"n": 2})
    network.run(0.1)

    assert dropped(a, "flushed") == 1
    assert numbered(b, channel) == [2]
