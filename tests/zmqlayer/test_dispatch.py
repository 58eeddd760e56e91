"""Dispatch: queues of named channels at their sender, and to whom a message goes."""

from __future__ import annotations

import pytest

from support.network import (
    assert_conserved,
    assert_settled,
    control,
    frame,
    inject,
    joined,
    numbered,
    read,
    read_one,
    send_numbers,
)
from zmqlayer.exceptions import ChannelFull
from zmqlayer.frames import Kind, pack_work
from zmqlayer.limits import Limits
from zmqlayer.memory import MemoryNetwork
from zmqlayer.names import encode_node_id


def test_a_message_waits_for_the_first_reader() -> None:
    """What is sent before any reader exists is kept by its sender, and read in order."""
    network, a = joined("a")
    send_numbers(a, "jobs", range(20))
    b = network.add("b", prefetch=50)
    network.run(0.5)

    b.wait("jobs")
    network.run(0.1)

    assert numbered(b, "jobs") == list(range(20))


def test_capacity_of_a_queue_is_exact() -> None:
    """The queue of a named channel holds 100 messages of this node; the next is refused at once."""
    _network, a, b = joined("a", "b")
    send_numbers(a, "jobs", range(100))

    with pytest.raises(ChannelFull) as caught:
        a.send("jobs", {"n": 100})

    assert (caught.value.channel, caught.value.limit) == ("jobs", 100)
    assert a.mesh.counters.refused == 1
    send_numbers(b, "jobs", range(100))  # capacity is per sending node


def test_expired_messages_are_no_capacity() -> None:
    """A queue full of expired messages is empty."""
    network, a = joined("a", expiry=5, capacity=3)
    send_numbers(a, "jobs", range(3))
    network.run(5.0)

    send_numbers(a, "jobs", range(3, 6))

    assert a.mesh.counters.expired == 3


def test_an_expired_message_is_never_handed_over() -> None:
    """A reader that comes too late gets only what still lives."""
    network, a, b = joined("a", "b", expiry=5, prefetch=9)
    a.send("jobs", {"n": 0})
    network.run(4.0)
    a.send("jobs", {"n": 1})
    network.run(1.5)

    b.wait("jobs")
    network.run(0.1)

    assert numbered(b, "jobs") == [1]
    assert a.mesh.counters.expired == 1


def test_channels_whose_prefix_names_no_node_are_read_by_prefix() -> None:
    """``anything!x`` with a prefix that holds no node id is read by who asks for ``anything!``."""
    network, a, b = joined("a", "b", prefetch=5)
    b.wait("anything!")
    network.run(0.1)

    a.send("anything!one", {"n": 1})
    a.send("anything!two", {"n": 2})
    network.run(0.1)

    assert numbered(b, "anything!") == [1, 2]


def test_a_single_reader_channel_keeps_the_order_of_its_senders() -> None:
    """A channel made with ``?`` is queued at its maker, also what others send there, and read anywhere."""
    network, maker, sender, reader = joined("maker", "sender", "reader", prefetch=50)
    channel = f"body?{encode_node_id(maker.node_id)}1"
    send_numbers(sender, channel, range(10))
    network.run(0.1)
    waits_at_the_maker = maker.mesh.in_flight
    reader.wait(channel)
    network.run(0.1)

    assert waits_at_the_maker == 10
    assert numbered(reader, channel) == list(range(10))


def test_a_single_reader_channel_is_full_for_each_sender_by_itself() -> None:
    """The window towards a ``?`` channel of another node closes and opens like any other."""
    network, maker, sender = joined("maker", "sender", capacity=4)
    channel = f"body?{encode_node_id(maker.node_id)}1"
    send_numbers(sender, channel, range(4))
    network.run(0.1)
    with pytest.raises(ChannelFull):
        sender.send(channel, {"n": 4})
    maker.wait(channel)
    taken = read(network, maker, channel, 6)
    network.run(0.1)

    send_numbers(sender, channel, range(4, 8))

    assert taken == [0, 1, 2, 3]


@pytest.mark.parametrize("end", ["expired", "flushed"])
def test_a_single_reader_channel_reports_what_nobody_read(end: str) -> None:
    """What expires or is flushed at the maker of the channel opens the window of its sender, once."""
    network, a, b = joined("a", "b", capacity=3, expiry=5)
    channel = f"body?{encode_node_id(b.node_id)}x"
    send_numbers(a, channel, range(3))
    network.run(0.1)
    if end == "expired":
        network.run(6.5)
    else:
        b.flush()
        network.run(0.1)

    send_numbers(a, channel, range(3, 6))
    network.run(0.1)
    with pytest.raises(ChannelFull):
        a.send(channel, {"n": 6})
    b.wait(channel)
    network.run(0.1)

    assert read(network, b, channel, 3) == [3, 4, 5]
    network.run(0.1)
    send_numbers(a, channel, range(6, 9))


def test_a_sender_that_leaves_hands_over_first() -> None:
    """A node that closes waits while readers take what it queued."""
    network, a, b = joined("a", "b")
    b.wait("jobs")
    network.run(0.1)
    send_numbers(a, "jobs", range(10))

    a.leave()
    got = read(network, b, "jobs", 20)
    network.run(1.0)

    assert got == list(range(10))
    assert not a.is_alive


def test_a_sender_whose_queue_nobody_reads_leaves_in_time() -> None:
    """Closing waits two seconds at most for readers that do not exist."""
    network, a, b = joined("a", "b")
    a.send("jobs", {"n": 1})

    a.leave()
    network.run(2.2)

    assert not a.is_alive
    assert b.sees(a) is None


def test_workers_take_turns_however_much_credit_each_gave() -> None:
    """Requests that come one by one are shared by two idle workers, though one gave its window to another server."""
    network = MemoryNetwork(seed=4)
    first, other = network.add("first"), network.add("other")
    workers = network.add("one", prefetch=20), network.add("two", prefetch=20)
    network.partition(workers[0], other)
    network.partition(workers[1], first)
    network.run(0.5)
    for worker in workers:
        worker.wait("jobs")
    network.heal(workers[0], other)
    network.heal(workers[1], first)
    network.run(10.0)

    shares = [0, 0]
    for n in range(10):
        first.send("jobs", {"n": n})
        network.run(0.01)
        for place, worker in enumerate(workers):
            shares[place] += len(numbered(worker, "jobs"))

    assert shares == [5, 5]


def test_a_busy_worker_gets_no_work_while_another_is_free() -> None:
    """With room in store at both, the one that started all it was handed is next."""
    network, a, busy, free = joined("a", "busy", "free", prefetch=8)
    for worker in (busy, free):
        worker.wait("jobs")
    network.run(0.1)
    got = 0
    for n in range(40):
        a.send("jobs", {"n": n})
        network.run(0.1)
        got += len(read_one(free, "jobs"))
        network.run(0.1)  # until it has said so

    assert a.mesh.account(busy.node_id).work_sent <= 1
    assert got >= 39


def test_a_node_bounds_what_waits_in_all_its_named_channels() -> None:
    """However many channels: the error says that it is the node that is full, and with what."""
    _network, a = joined("a", limits=Limits(queued_messages=10, queued_bytes=100), max_message_size=100)
    for n in range(10):
        a.send(f"jobs.{n}", {})

    with pytest.raises(ChannelFull, match="10 messages wait in the named channels of this process") as messages:
        a.send("other", {})
    a.flush()
    with pytest.raises(ChannelFull, match="100 bytes wait in the named channels") as octets:
        a.send("other", {"text": "x" * 80})
        a.send("other", {"text": "x" * 80})

    assert (messages.value.reason, octets.value.reason) == ("node messages", "node bytes")


@pytest.mark.parametrize(("size", "kept"), [(0, 10), (10_000, 4)], ids=["messages", "bytes"])
def test_what_is_given_back_is_bounded_too(size: int, kept: int) -> None:
    """A peer may give back as many messages as it was handed, but not more at a time than there could be."""
    limits = Limits(queued_messages=5, queued_bytes=20_100)
    network, a, b = joined("a", "b", limits=limits, max_message_size=20_000, expiry=60)
    b.wait("jobs")
    for n in range(20):
        a.send("jobs", {"n": n})
        network.run(0.1)
        assert read_one(b, "jobs") == [n]
        b.unwait("jobs")
        b.wait("jobs")
    network.run(0.1)
    sequence = a.mesh.account(b.node_id).mail.seen

    for number in range(1, 21):
        body = pack_work(0, 0, number, bytes(size))
        a_day = 86_400_000
        inject(network, a, frame(b.node_id, Kind.RETURN, a, body, "nobody.reads.this", a_day, sequence + number))

    assert a.mesh.in_flight == kept
    assert a.mesh.counters.dropped == {"returned beyond the limits": 20 - kept}
    assert_conserved(a)
    network.run(61)
    assert a.mesh.in_flight == 0


@pytest.mark.parametrize("is_wide", [True, False], ids=["a reader of many channels", "many readers"])
def test_a_peer_that_offers_too_much_is_cut_off(is_wide: bool) -> None:
    """The table of offers is bounded for each peer."""
    network, a, b = joined("a", "b", limits=Limits(readers=3, reader_channels=3))
    link = next(iter(a.mesh._peers)).their_link
    for reader in range(1, 5):
        channels = [f"c{n}" for n in range(4 if is_wide else 1)]
        payload = {"link": link, "reader": reader + 1000, "limit": 1, "channels": channels}
        inject(network, a, control(b.node_id, Kind.CREDIT, a, payload))

    assert a.mesh.counters.malformed >= 1
    assert a.sees(b) is None


def test_credit_that_names_a_channel_twice_is_refused() -> None:
    """Nothing is handed out for it, and the peer is cut off."""
    network, a, b = joined("a", "b")
    send_numbers(a, "jobs", range(2))
    link = next(iter(a.mesh._peers)).their_link

    payload = {"link": link, "reader": 1000, "limit": 5, "channels": ["jobs", "jobs"]}
    inject(network, a, control(b.node_id, Kind.CREDIT, a, payload))

    assert (a.mesh.counters.malformed, a.mesh.in_flight) == (1, 2)


def test_readers_are_known_while_they_are_linked() -> None:
    """A reader is known from its first credit on, silent or busy, until it leaves, and not after it is gone."""
    network, a, b = joined("a", "b")
    seen = [a.mesh.has_reader("jobs")]
    b.wait("jobs")
    network.run(0.1)
    seen.append(a.mesh.has_reader("jobs"))
    b.unwait("jobs")
    network.stop(b)
    network.run(3.5)
    silent = a.sees(b), a.mesh.has_reader("jobs")
    network.kill(b)
    network.run(1)

    assert (seen, silent) == ([False, True], ("silent", True))
    assert not a.mesh.has_reader("jobs")


def test_a_worker_whose_threads_are_busy_is_a_reader() -> None:
    """It takes its credit back, so that others get the work; cut or not, it reads on when a thread is free."""
    network, a, b = joined("a", "b")
    b.wait("jobs")
    network.run(0.1)
    b.unwait("jobs")
    network.run(20)
    busy = a.mesh.has_reader("jobs")
    network.cut(a, b)
    network.run(3)
    after_a_cut = a.mesh.has_reader("jobs")
    b.leave()
    network.run(3)

    assert (busy, after_a_cut, a.mesh.has_reader("jobs")) == (True, True, False)


def test_a_reader_of_the_same_node_is_known_until_it_leaves() -> None:
    """A node that reads what it sends needs nobody else; prefixes stand for the channels below them."""
    network, a = joined("a")
    a.wait("lobby!")
    is_known = a.mesh.has_reader("lobby!1")
    a.unwait("lobby!")
    network.run(20)

    assert (is_known, a.mesh.has_reader("lobby!1")) == (True, False)


def test_a_single_reader_channel_that_is_closed_is_empty() -> None:
    """What nobody read is dropped, counted, and settled with those who sent it."""
    network, a, b = joined("a", "b")
    channel = f"body?{encode_node_id(a.node_id)}1"
    a.send(channel, {"n": 1})
    b.send(channel, {"n": 2})
    network.run(0.1)

    a.mesh.close_channel(channel, network.now)
    a.mesh.close_channel(channel, network.now)
    network.run(0.1)

    assert a.mesh.in_flight == 0
    assert a.mesh.counters.dropped["channel closed"] == 2
    assert_conserved(a, b)
    assert_settled(a, b)


@pytest.mark.parametrize("is_own", [True, False], ids=["here", "elsewhere"])
def test_what_a_reader_gives_back_after_the_end_is_dropped(is_own: bool) -> None:
    """It would lie there for an hour, as pieces of a body of which nobody wanted the rest; what came later stays."""
    network, a, b = joined("a", "b", prefetch=8)
    reader, channel = a if is_own else b, f"body?{encode_node_id(a.node_id)}1"
    send_numbers(a, channel, range(5))
    reader.wait(channel)
    network.run(0.05)
    reader.unwait(channel)
    first = reader.take(channel)

    a.mesh.close_channel(channel, network.now)
    a.send(channel, {"closed": True})
    network.run(2.0)

    assert first == {"n": 0}
    assert (a.mesh.in_flight, b.mesh.in_flight) == (1, 0)
    assert a.mesh.counters.dropped["channel closed"] == 4
    reader.wait(channel)
    network.run(0.05)
    reader.unwait(channel)
    assert reader.take(channel) == {"closed": True}
    assert_conserved(a, b)


def test_closing_a_channel_that_was_never_used_is_no_fault() -> None:
    """A body that was never read or written leaves nothing."""
    _, a = joined("a")

    a.mesh.close_channel(f"body?{encode_node_id(a.node_id)}1", 0.0)

    assert a.mesh.in_flight == 0
