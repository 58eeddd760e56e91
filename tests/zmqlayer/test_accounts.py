"""Accounts: whatever happens to a link, both sides agree on every message in the end."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from support.network import assert_conserved, assert_meshed, assert_settled, frame, hear, inject, joined, numbered, sent
from support.network import send_numbers as send
from zmqlayer.actions import Push
from zmqlayer.codec import encode
from zmqlayer.exceptions import ChannelFull
from zmqlayer.frames import Kind, Work, node_topic, pack_batch, pack_work_batch, parse
from zmqlayer.memory import MemoryNetwork
from zmqlayer.names import NodeId


def test_messages_in_a_cut_connection_are_counted_by_their_sender(caplog: pytest.LogCaptureFixture) -> None:
    """What was on its way is lost, is counted as exactly that, and is named in the log."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    send(a, channel, range(3))
    network.run(0.1)
    send(a, channel, range(3, 7))

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        network.cut(a, b)
        network.run(3.0)

    assert numbered(b, channel) == [0, 1, 2]
    network.run(0.1)
    assert a.mesh.counters.dropped == {"lost in a cut": 4}
    assert any("dropped 4 messages" in message and "lost in a cut" in message for message in caplog.messages)
    assert_conserved(a, b)
    assert_settled(a, b)


def test_what_a_cut_lost_occupies_no_capacity() -> None:
    """After a cut the window holds what the owner holds, and no more."""
    network, a, b = joined("a", "b", capacity=5)
    channel = b.new_channel()
    send(a, channel, range(2))
    network.run(0.1)
    send(a, channel, range(2, 5))
    network.cut(a, b)
    network.run(3.0)

    send(a, channel, range(5, 8))
    with pytest.raises(ChannelFull):
        a.send(channel, {"n": 8})
    network.run(0.1)

    assert numbered(b, channel) == [0, 1, 5, 6, 7]


def test_a_report_that_a_cut_lost_is_made_up_for() -> None:
    """The owner read everything and its report was lost: the sender's window is open all the same."""
    network, a, b = joined("a", "b", capacity=5)
    channel = b.new_channel()
    send(a, channel, range(5))
    network.run(0.01)
    assert numbered(b, channel) == [0, 1, 2, 3, 4]
    network.cut(a, b)
    network.run(3.0)

    send(a, channel, range(5))
    network.run(0.1)

    assert numbered(b, channel) == [0, 1, 2, 3, 4]
    network.run(0.1)
    assert_settled(a, b)


def test_strangers_report_nothing() -> None:
    """Two nodes that meet for the first time and send nothing say just that, on either pipe, and need no report."""
    network = MemoryNetwork(seed=1)
    a = network.add("a", hints=[])
    heard = hear(a)

    b = network.add("b")
    network.run(5.0)

    assert_meshed(a, b)
    kinds = [parse(wire).kind for wire in heard]
    assert kinds.count(Kind.TALLY) >= 2
    assert Kind.CONSUMED not in kinds


def test_a_stranger_that_subscribes_for_others_opens_no_accounts() -> None:
    """It may name any number of nodes that do not exist: each would be told what it was sent, and that is all."""
    network, a, b = joined("a", "b")
    send(a, b.new_channel(), range(3))
    network.run(0.1)
    known = len(a.mesh._accounts._ledger)

    for topic in (node_topic(NodeId(bytes([n] * 16))) for n in range(1, 100)):
        a.mesh.subscribed(topic, network.now)
        a.mesh.unsubscribed(topic, network.now)

    assert len(sent(a.mesh.outgoing(), Kind.TALLY)) == 99
    assert len(a.mesh._accounts._ledger) == known


def test_work_in_a_cut_connection_is_counted_by_its_sender() -> None:
    """The same for named channels: what was on its way to a reader is lost, and counted."""
    network, a, b = joined("a", "b", prefetch=9)
    b.wait("jobs")
    network.run(0.1)
    send(a, "jobs", range(3))
    network.cut(a, b)
    network.run(3.0)

    send(a, "jobs", range(3, 5))
    network.run(0.1)

    assert numbered(b, "jobs") == [3, 4]
    network.run(0.1)
    assert a.mesh.counters.dropped == {"lost in a cut": 3}
    assert_conserved(a, b)
    assert_settled(a, b)


def test_a_peer_that_was_out_of_reach_lost_nothing_that_it_has() -> None:
    """What was written off when the peer was gone is on the books again when it returns."""
    network, a, b = joined("a", "b", expiry=600)
    channel = b.new_channel()
    send(a, channel, range(3))
    network.run(0.1)
    network.partition(a, b)
    network.run(20.0)
    assert (a.sees(b), a.mesh.counters.dropped["peer gone"]) == (None, 3)

    network.heal(a, b)
    network.run(10.0)

    assert_meshed(a, b)
    assert a.mesh.counters.snapshot().get("dropped: peer gone") is None
    assert numbered(b, channel) == [0, 1, 2]
    network.run(0.1)
    assert_conserved(a, b)
    assert_settled(a, b)


def test_work_of_a_worker_that_died_is_lost_and_counted() -> None:
    """What the dead worker had not reported as taken is what its senders count; no more than its window."""
    network, a, b = joined("a", "b", prefetch=3)
    b.wait("jobs")
    network.run(0.1)
    send(a, "jobs", range(10))
    network.run(0.1)
    taken = b.take("jobs")
    network.run(0.1)

    network.kill(b)
    network.run(10.0)

    handed = a.mesh.account(b.node_id).work_sent
    assert taken == {"n": 0}
    assert a.mesh.counters.dropped == {"peer gone": handed - 1}
    assert handed <= 1 + 3 + 1
    assert a.mesh.in_flight == 10 - handed
    assert_conserved(a)


def test_a_frame_that_comes_twice_or_late_is_not_taken_in() -> None:
    """Whatever the network does, a message is delivered once, and never after one that was sent later."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    late, twice = (frame(a.node_id, Kind.DIRECT, b, b"\x81\xa1n" + bytes([n]), channel, sequence=n) for n in (1, 2))

    for wire in (twice, twice, late):
        inject(network, b, wire)

    assert numbered(b, channel) == [2]
    assert b.mesh.counters.ignored == 2
    assert_conserved(b)


def test_a_message_that_expired_before_its_link_is_no_gap() -> None:
    """It crosses without its body, and expires at the owner."""
    network, a, b = joined("a", "b", expiry=0.05)
    channel = b.new_channel()
    network.cut(a, b)
    network.run(0.01)
    a.send(channel, {"n": 0})
    assert a.mesh.in_flight == 1

    network.run(1.0)
    send(a, channel, range(1, 3))
    network.run(0.01)

    assert numbered(b, channel) == [1, 2]
    network.run(0.1)
    assert (b.mesh.counters.expired, b.mesh.counters.arrived, a.mesh.counters.dropped) == (1, 3, {})
    assert_conserved(a, b)
    assert_settled(a, b)


def test_a_node_that_ignores_the_limits_is_refused_what_is_too_much(caplog: pytest.LogCaptureFixture) -> None:
    """A peer has at most twice ``peer_messages`` unread here, whatever it sends; said once, and reported as missed."""
    network, a, b = joined("a", "b", peer_messages=5)
    channel = b.new_channel()

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        for n in range(1, 31):
            inject(network, b, frame(a.node_id, Kind.DIRECT, b, b"\x80", channel, sequence=n))

    assert b.mesh.in_flight == 10
    assert b.mesh.account(a.node_id).mail.missed == 20
    assert len([message for message in caplog.messages if "give all nodes the same peer_messages" in message]) == 1
    assert_conserved(b)


@pytest.mark.parametrize("forgets", ["sender", "receiver"])
def test_a_node_that_forgot_a_peer_goes_on_from_what_the_peer_says(forgets: str) -> None:
    """Totals of nodes that were gone for very long are given up; whoever still has them sets the other right."""
    network, a, b = joined("a", "b", expiry=600)
    channel = b.new_channel()
    send(a, channel, range(3))
    network.run(0.1)
    numbered(b, channel)
    network.partition(a, b)
    network.run(20.0)
    forgetful, other = (a, b) if forgets == "sender" else (b, a)
    forgetful.mesh._accounts._ledger._accounts.pop(other.node_id)
    network.heal(a, b)
    network.run(10.0)
    assert_meshed(a, b)

    send(a, channel, range(3, 6))
    network.run(0.1)

    assert numbered(b, channel) == [3, 4, 5]
    assert "lost in a cut" not in a.mesh.counters.dropped
    assert b.mesh.counters.ignored == 0


def test_drops_are_known_by_peer() -> None:
    """A user may ask with whom messages were lost, and why."""
    network, a, b, c = joined("a", "b", "c")
    for peer, count in ((b, 3), (c, 2)):
        send(a, peer.new_channel(), range(count))
        network.kill(peer)
    network.run(1.0)

    assert a.mesh.counters.drops() == {(b.node_id, "peer gone"): 3, (c.node_id, "peer gone"): 2}


@pytest.mark.parametrize(("kind", "target"), [(Kind.DIRECT, "nobody!1"), (Kind.WORK, "jobs"), (Kind.RETURN, "jobs")])
def test_a_malformed_message_is_accounted_for(kind: Kind, target: str) -> None:
    """A message that breaks the protocol arrived, and was dropped: the books balance before its sender is shut out."""
    network, a, b = joined("a", "b")

    inject(network, a, frame(b.node_id, kind, a, b"", target, sequence=1))

    assert a.mesh.counters.dropped["malformed"] == 1
    assert a.mesh.counters.malformed == 1
    assert_conserved(a)


def test_mail_lost_on_its_own_pipe_is_noticed_though_none_follows() -> None:
    """
    The connection that carries mail breaks and comes back before the publisher has noticed.

    No subscription ends or begins then as far as it can tell; what was on the way is lost all the same.
    """
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    send(a, channel, range(3))
    for pipe in network.pipes(a, b):
        if pipe in b.subs.values():
            network.sever(pipe, noticed_after_s=3.0)
    network.run(2.5)

    assert a.mesh.counters.dropped == {"lost in a cut": 3}
    assert_conserved(a, b)
    assert_settled(a, b)


# Batches


def batch(source: Any, to: Any, channel: str, numbers: range, sequence: int) -> bytes:
    """Return a frame with one message for each number; the first has this place in the sequence."""
    bodies = [encode(channel, {"n": n}, 1000) for n in numbers]
    return frame(source.node_id, Kind.BATCH, to, pack_batch(bodies), channel, sequence=sequence)


def decide(network: Any, node: Any, channel: str, numbers: range) -> None:
    """Have messages decided that leave together, at the next ``network.pump``."""
    for n in numbers:
        node.mesh.send(channel, encode(channel, {"n": n}, 1000), network.now)


def test_a_batch_is_taken_in_at_once() -> None:
    """Each of its messages counts, has its place in the sequence, and is read and reported like any other."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    decide(network, a, channel, range(5))
    network.pump(a)
    network.run(0.01)

    account = b.mesh.account(a.node_id)
    assert (account.mail.seen, account.unread, b.mesh.counters.arrived) == (5, 5, 5)
    assert numbered(b, channel) == [0, 1, 2, 3, 4]
    network.run(0.1)
    assert account.unread == account.unread_bytes == 0
    assert_conserved(a, b)
    assert_settled(a, b)


def test_a_batch_after_a_gap_is_taken_in_and_the_gap_is_reported() -> None:
    """What came before it is lost, and counted by its sender; so it is with one that comes before the report."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    decide(network, a, channel, range(2))
    a.mesh.outgoing()  # they never leave
    for numbers in (range(2, 5), range(5, 8)):
        decide(network, a, channel, numbers)
        network.pump(a)
        network.run(0.001)
    assert b.mesh.account(a.node_id).mail.gaps == [(1, 2)]

    assert numbered(b, channel) == [2, 3, 4, 5, 6, 7]
    network.run(0.2)
    assert a.mesh.counters.dropped == {"lost in a cut": 2}
    assert_conserved(a, b)
    assert_settled(a, b)


def test_a_cut_in_the_middle_of_batches_is_made_up_for() -> None:
    """What was on its way is lost and counted, whole frames of it; what comes later arrives, and all agree."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    for begin in range(0, 30, 3):
        decide(network, a, channel, range(begin, begin + 3))
        network.pump(a)
        if begin == 15:
            network.cut(a, b)
        network.run(0.01)
    network.run(2.0)

    taken = numbered(b, channel)
    network.run(0.2)

    lost = a.mesh.counters.dropped["lost in a cut"]
    assert taken == sorted(set(taken))
    assert len(taken) + lost == 30
    assert lost % 3 == 0
    assert_conserved(a, b)
    assert_settled(a, b)


@pytest.mark.parametrize("late", [0, 1, 3, 4])
def test_of_a_batch_that_is_partly_late_the_rest_is_taken_in(late: int) -> None:
    """Messages that came before are not taken in again, and those that follow them are."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    if late:
        inject(network, b, batch(a, b, channel, range(late), 1))

    inject(network, b, batch(a, b, channel, range(4), 1))

    assert numbered(b, channel) == [0, 1, 2, 3]
    assert (b.mesh.counters.arrived, b.mesh.counters.ignored) == (4, late)
    assert_conserved(b)


@pytest.mark.parametrize(("sequence", "spoiled"), [(1, 3), (2, 1)], ids=["in order", "after a gap"])
def test_a_batch_for_a_channel_that_is_not_ours_is_accounted_for(sequence: int, spoiled: int) -> None:
    """It breaks the protocol; what of it had arrived was dropped, and the books balance."""
    network, a, b = joined("a", "b")

    inject(network, a, batch(b, a, "nobody!1", range(3), sequence))

    assert a.mesh.counters.malformed == 1
    assert (a.mesh.counters.arrived, a.mesh.counters.dropped["malformed"]) == (spoiled, spoiled)
    assert a.sees(b) is None
    assert_conserved(a)


@pytest.mark.parametrize(
    ("settings", "number", "size"),
    [({"peer_messages": 5}, 10, 4), ({"peer_messages": 6}, 12, 4)],
    ids=["within a batch", "between two"],
)
def test_of_a_batch_that_is_too_much_the_rest_is_refused(
    settings: dict[str, int], number: int, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What a peer may have unread here is taken in; the others are refused one by one, and reported as missed."""
    network, a, b = joined("a", "b", **settings)
    channel = b.new_channel()

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        for begin in range(0, 20, size):
            inject(network, b, batch(a, b, channel, range(begin, begin + size), begin + 1))

    account = b.mesh.account(a.node_id)
    assert (account.unread, account.mail.missed, b.mesh.counters.ignored) == (number, 20 - number, 20 - number)
    assert len([message for message in caplog.messages if "give all nodes the same peer_messages" in message]) == 1
    assert_conserved(b)
    assert numbered(b, channel) == list(range(number))


def test_a_batch_for_a_closed_channel_is_dropped_and_told() -> None:
    """Its sender hears that the channel is closed, and the window is open again."""
    network, a, b = joined("a", "b", peer_messages=5)
    channel, other = b.new_channel(), b.new_channel()
    b.mesh.close_channel(channel, network.now)
    decide(network, a, channel, range(5))
    network.pump(a)
    network.run(0.2)

    send(a, other, range(5))
    assert b.mesh.counters.dropped == {"channel closed": 5}
    assert not a.mesh.notices.is_open(channel)
    network.run(0.2)
    assert_conserved(a, b)
    assert_settled(a, b)


# Batches of work


def work_batch(source: Any, to: Any, numbers: range, sequence: int, reader: int = 1) -> bytes:
    """Return a frame with one message of `jobs` for each number; the first has this place in the sequence."""
    items = [(n + 1, 60_000, encode("jobs", {"n": n}, 1000)) for n in numbers]
    return frame(source.node_id, Kind.WORK_BATCH, to, pack_work_batch(Work(0, reader, items)), "jobs", 0, sequence)


def test_work_for_which_there_is_credit_leaves_and_arrives_together() -> None:
    """Each message counts, has its place in the sequence, and is read and reported like any other."""
    network, a, b = joined("a", "b", prefetch=8)
    b.wait("jobs")
    network.run(0.1)
    decide(network, a, "jobs", range(5))

    (action,) = a.mesh.outgoing()
    assert isinstance(action, Push)
    assert parse(action.wire).kind == Kind.WORK_BATCH
    inject(network, b, action.wire)

    account = b.mesh.account(a.node_id)
    assert (account.work.seen, account.unread_work, b.mesh.counters.arrived) == (5, 5, 5)
    assert numbered(b, "jobs") == [0, 1, 2, 3, 4]
    network.run(0.1)
    assert account.unread_work == account.unread_work_bytes == 0
    assert_conserved(a, b)
    assert_settled(a, b)


def test_a_batch_of_work_after_a_gap_is_taken_in_and_the_credit_renewed() -> None:
    """What came before it is lost, and counted by its sender; the reader goes on."""
    network, a, b = joined("a", "b", prefetch=8)
    b.wait("jobs")
    network.run(0.1)
    decide(network, a, "jobs", range(3))
    a.mesh.outgoing()  # they never leave
    decide(network, a, "jobs", range(3, 6))
    network.pump(a)
    network.run(1.0)
    send(a, "jobs", range(6, 20))
    network.run(1.0)

    assert read_all(network, b) == list(range(3, 20))
    assert a.mesh.counters.dropped == {"lost in a cut": 3}
    assert_conserved(a, b)
    assert_settled(a, b)


def read_all(network: Any, node: Any) -> list[int]:
    """Take what comes to `jobs` until nothing more does."""
    taken: list[int] = []
    for _ in range(20):
        network.run(0.1)
        taken += numbered(node, "jobs")
    return taken


@pytest.mark.parametrize("late", [0, 1, 3, 4])
def test_of_a_batch_of_work_that_is_partly_late_the_rest_is_taken_in(late: int) -> None:
    """Messages that came before are not taken in again, and those that follow them are."""
    network, a, b = joined("a", "b", prefetch=8)
    b.wait("jobs")
    if late:
        inject(network, b, work_batch(a, b, range(late), 1))

    inject(network, b, work_batch(a, b, range(4), 1))

    assert numbered(b, "jobs") == [0, 1, 2, 3]
    assert (b.mesh.counters.arrived, b.mesh.counters.ignored) == (4, late)
    assert_conserved(b)


def test_of_a_batch_of_work_that_is_too_much_the_rest_is_refused() -> None:
    """What a peer may have unread here is taken in; the others are refused one by one, and reported as missed."""
    network, a, b = joined("a", "b", peer_messages=5)
    b.wait("jobs")

    for begin in range(0, 20, 4):
        inject(network, b, work_batch(a, b, range(begin, begin + 4), begin + 1))

    account = b.mesh.account(a.node_id)
    assert (account.unread_work, account.work.missed, b.mesh.counters.ignored) == (10, 10, 10)
    assert_conserved(b)
    assert numbered(b, "jobs") == list(range(10))


@pytest.mark.parametrize("settings", [{"peer_messages": 5}, {"peer_bytes": 2_000, "max_message_size": 1_000}])
def test_work_that_a_reader_asked_for_is_taken_in_however_much_it_is(settings: dict[str, int]) -> None:
    """Its credit is the bound: ``prefetch`` may be more than what a channel holds. Nor does it crowd out mail."""
    network, a, b = joined("a", "b", prefetch=50, **settings)
    channel = b.new_channel()
    b.wait("jobs")
    network.run(0.1)

    for n in range(51):
        a.send("jobs", {"n": n, "text": "x" * 900})
    network.run(0.1)
    for n in range(2):
        a.send(channel, {"n": n, "text": "x" * 900})
    network.run(0.1)

    assert len(b.take_all("jobs")) == 51
    assert numbered(b, channel) == [0, 1]
    assert a.mesh.counters.dropped == {}
    assert_conserved(a, b)


def test_a_batch_of_work_for_a_reader_that_ended_goes_back() -> None:
    """Each message finds its place in the queue of its sender again."""
    network, a, b, c = joined("a", "b", "c", prefetch=8)
    b.wait("jobs")
    network.run(0.1)
    decide(network, a, "jobs", range(5))
    b.unwait("jobs")
    b.mesh.stop_reading(b.interest("jobs"), network.now)
    network.pump(a)
    network.run(0.1)
    c.wait("jobs")

    assert read_all(network, c) == [0, 1, 2, 3, 4]
    assert_conserved(a, b, c)
    assert_settled(a, b, c)
