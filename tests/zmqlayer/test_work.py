"""Named channels: queues at the sender, credit from readers, and what a dead, slow or closing reader costs."""

from __future__ import annotations

import pytest

from support.network import assert_conserved, assert_settled, control, inject, joined, numbered, send_numbers
from zmqlayer.exceptions import ChannelFull
from zmqlayer.frames import Kind
from zmqlayer.limits import Limits
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.names import encode_node_id


def read(network: MemoryNetwork, node: MemoryNode, channel: str, count: int) -> list[int]:
    """Take at most *count* messages, one after the other, waiting for each."""
    taken: list[int] = []
    for _ in range(count):
        taken += read_one(node, channel)
        network.run(0.01)
    return taken


def read_one(node: MemoryNode, *channels: str) -> list[int]:
    """Take one message, if there is one."""
    message = node.take(*channels)
    return [] if message is None else [message["n"]]


# Queues


def test_a_message_waits_for_the_first_reader() -> None:
    """What is sent before any reader exists is kept by its sender, and read in order."""
    network, a = joined("a")
    send_numbers(a, "jobs", range(20))
    b = network.add("b", prefetch=50)
    network.run(0.5)

    b.wait("jobs")
    network.run(0.1)

    assert numbered(b, "jobs") == list(range(20))


def test_a_message_goes_to_one_reader_only() -> None:
    """Two readers share a channel: each message is read once."""
    network, a, b, c = joined("a", "b", "c", prefetch=4)
    b.wait("jobs")
    c.wait("jobs")
    network.run(0.1)
    send_numbers(a, "jobs", range(40))
    got: dict[str, list[int]] = {"b": [], "c": []}
    for _ in range(40):
        network.run(0.01)
        got["b"] += read_one(b, "jobs")
        got["c"] += read_one(c, "jobs")

    assert sorted(got["b"] + got["c"]) == list(range(40))
    assert min(len(got["b"]), len(got["c"])) >= 15
    assert got["b"] == sorted(got["b"])
    assert got["c"] == sorted(got["c"])


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


def test_a_message_that_expires_at_the_reader_is_not_read() -> None:
    """Prefetched messages expire as others do, and make room for the next."""
    network, a, b = joined("a", "b", expiry=5, prefetch=2)
    b.wait("jobs")
    network.run(0.1)
    send_numbers(a, "jobs", range(2))
    network.run(5.5)
    first = numbered(b, "jobs")
    b.wait("jobs")
    network.run(0.1)
    a.send("jobs", {"n": 9})
    network.run(0.1)

    assert first == []
    assert numbered(b, "jobs") == [9]
    assert a.mesh.counters.expired + b.mesh.counters.expired == 2


# Polling


def test_polling_works() -> None:
    """A reader that looks without waiting gets the message at one of its next looks."""
    network, a, b = joined("a", "b")
    a.send("jobs", {"n": 1})
    looks = []
    for _ in range(5):
        looks.append(b.take("jobs"))
        b.mesh.poll(b.interest("jobs"), network.now)
        network.pump(b)
        network.run(0.01)

    assert [look for look in looks if look is not None] == [{"n": 1}]


def test_polling_reads_what_this_node_queued() -> None:
    """A node alone reads its own queue without waiting."""
    network, a = joined("a")
    send_numbers(a, "jobs", range(3))
    taken = []
    for _ in range(3):
        a.mesh.poll(a.interest("jobs"), network.now)
        taken += read_one(a, "jobs")

    assert taken == [0, 1, 2]


def test_a_poller_that_stopped_looking_holds_nothing_back() -> None:
    """A message that came for a poller who never looked again goes to another reader in the end."""
    network, a, b, c = joined("a", "b", "c")
    b.mesh.poll(b.interest("jobs"), network.now)
    network.pump(b)
    network.run(0.1)
    a.send("jobs", {"n": 1})
    network.run(0.1)

    c.wait("jobs")
    network.run(12.0)

    assert numbered(c, "jobs") == [1]
    assert b.mesh.in_flight == 0


# Several channels


def test_a_reader_of_several_channels_starves_none() -> None:
    """Of the channels that one receiver waits for, the longest waiting message goes first."""
    network, a, b = joined("a", "b")
    send_numbers(a, "busy", range(10))
    network.run(0.1)
    a.send("quiet", {"n": 99})
    network.run(0.1)
    send_numbers(a, "busy", range(10, 20))

    b.wait("busy", "quiet")
    taken = []
    for _ in range(25):
        network.run(0.01)
        taken += read_one(b, "busy", "quiet")

    assert taken.index(99) == 10


def test_readers_of_overlapping_sets_each_get_their_share() -> None:
    """A receiver for two channels and one for the second alone read both until they are empty."""
    network, a, b, c = joined("a", "b", "c")
    b.wait("x", "y")
    c.wait("y")
    network.run(0.1)
    send_numbers(a, "x", range(5))
    send_numbers(a, "y", range(5, 10))
    got = []
    for _ in range(15):
        network.run(0.01)
        got += numbered(b, "x", "y") + numbered(c, "y")

    assert sorted(got) == list(range(10))


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


# Readers that die, stop or leave


@pytest.mark.parametrize("prefetch", [0, 8])
def test_a_dead_reader_takes_no_more_than_its_credit(prefetch: int) -> None:
    """A reader that is killed loses what it had credit for: one message for each receiver, and the prefetch."""
    network, a, b, c = joined("a", "b", "c", prefetch=prefetch)
    b.wait("jobs")
    network.run(0.1)
    send_numbers(a, "jobs", range(50))
    network.run(0.1)
    network.kill(b)
    network.run(1.0)

    c.wait("jobs")
    network.run(0.1)
    got = read(network, c, "jobs", 60)

    assert 50 - len(got) <= 1 + prefetch
    assert got == list(range(50 - len(got), 50))


def test_a_stopped_reader_gets_no_more_than_its_credit() -> None:
    """While a reader stands still, another one gets everything else."""
    network, a, b, c = joined("a", "b", "c", prefetch=3)
    b.wait("jobs")
    c.wait("jobs")
    network.run(0.1)
    network.stop(b)
    send_numbers(a, "jobs", range(50))

    got = read(network, c, "jobs", 60)

    assert len(got) >= 46


def test_a_silent_reader_gets_no_new_work() -> None:
    """Credit of a peer that is not heard is not spent; when it is heard again, it is."""
    network, a, b = joined("a", "b", prefetch=8)
    b.wait("jobs")
    network.run(0.1)
    network.partition(a, b)
    network.run(4.0)
    send_numbers(a, "jobs", range(5))
    kept = a.mesh.in_flight

    network.heal(a, b)
    network.run(0.5)

    assert kept == 5
    assert read(network, b, "jobs", 6) == [0, 1, 2, 3, 4]


def test_a_closing_reader_returns_what_it_has_not_started() -> None:
    """Another reader gets what a leaving one had prefetched, in order, and before what came later."""
    network, a, b, c = joined("a", "b", "c", prefetch=8)
    b.wait("jobs")
    network.run(0.1)
    send_numbers(a, "jobs", range(30))
    network.run(0.1)
    started = read_one(b, "jobs")

    b.leave()
    network.run(0.5)
    c.wait("jobs")
    network.run(0.1)

    assert started == [0]
    assert read(network, c, "jobs", 40) == list(range(1, 30))


def test_a_closing_reader_queues_its_own_again() -> None:
    """What a node queued for itself and did not start goes to other readers while it leaves."""
    network, a, b = joined("a", "b", prefetch=8)
    a.wait("jobs")
    send_numbers(a, "jobs", range(5))
    b.wait("jobs")
    network.run(0.1)

    a.leave()
    network.run(0.1)

    assert read(network, b, "jobs", 6) == [0, 1, 2, 3, 4]
    assert not a.is_alive


def test_a_reader_that_is_cut_off_gets_credit_again() -> None:
    """After a cut, a reader that still waits gets messages as before."""
    network, a, b = joined("a", "b")
    b.wait("jobs")
    network.run(0.1)
    network.cut(a, b)
    network.run(1.0)

    send_numbers(a, "jobs", range(10))

    assert read(network, b, "jobs", 12) == list(range(10))


@pytest.mark.parametrize("seed", range(5))
def test_cuts_lose_no_more_than_what_is_in_flight(seed: int) -> None:
    """However often a reader's connections break, no message comes twice, and each cut costs its credit at most."""
    network, a, b = joined("a", "b", seed=seed, capacity=1000, prefetch=2)
    b.wait("jobs")
    send_numbers(a, "jobs", range(200))
    got = []
    for round_ in range(300):
        got += read_one(b, "jobs")
        network.run(0.01)
        if round_ % 60 == 0:
            network.cut(a, b)
    got += read(network, b, "jobs", 250)

    assert got == sorted(set(got))
    assert len(got) >= 200 - 5 * 3


def test_a_reader_that_restarts_gets_the_rest() -> None:
    """The queue stays at the sender while its reader is replaced."""
    network, a, b = joined("a", "b")
    b.wait("jobs")
    network.run(0.1)
    send_numbers(a, "jobs", range(20))
    got = read(network, b, "jobs", 5)
    network.kill(b)
    reborn = network.add("b")
    reborn.wait("jobs")
    network.run(1.0)

    got += read(network, reborn, "jobs", 30)

    assert len(got) >= 19
    assert got == sorted(set(got))


def test_an_idle_reader_gives_its_credit_back() -> None:
    """A node that has not read a channel for ten seconds no longer gets messages for it."""
    network, a, b = joined("a", "b")
    b.wait("jobs")
    network.run(0.1)
    b.unwait("jobs")
    network.run(12.0)

    a.send("jobs", {"n": 1})
    network.run(0.1)

    assert (a.mesh.in_flight, b.mesh.in_flight) == (1, 0)


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


def test_a_reader_that_waits_alone_keeps_its_window_for_those_who_come() -> None:
    """A worker that starts before its server gives the server the whole window, and hoards none for itself."""
    network = MemoryNetwork(seed=2)
    worker = network.add("worker", prefetch=8)
    worker.wait("jobs")
    network.run(0.5)
    server = network.add("server")
    network.run(0.5)

    send_numbers(server, "jobs", range(10))

    assert server.mesh.in_flight == 1  # nine were handed over at once: one is waited for, eight are prefetched


def test_a_node_reads_all_that_it_sent_itself() -> None:
    """Credit for one's own messages is renewed message by message, within the window."""
    _, node = joined("node", prefetch=2)
    node.wait("jobs")

    send_numbers(node, "jobs", range(6))

    assert numbered(node, "jobs") == [0, 1, 2, 3, 4, 5]


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


def test_a_reader_asks_for_credit_back_that_another_sender_needs() -> None:
    """Whoever was first holds the whole window; a sender that comes later gets its half of it all the same."""
    network, a, b = joined("a", "b", prefetch=8)
    b.wait("jobs")
    network.run(0.1)
    late = network.add("late")
    network.run(0.5)
    send_numbers(late, "jobs", range(20))
    network.run(0.1)
    for _ in range(3):
        read_one(b, "jobs")
        network.run(0.1)

    assert late.mesh.account(b.node_id).work_outstanding >= 4
    assert late.mesh.account(b.node_id).work_outstanding + a.mesh.account(b.node_id).work_outstanding <= 9


@pytest.mark.parametrize("held", [2, 6], ids=["credit is left", "all credit is spent"])
def test_work_lost_on_its_own_pipe_is_noticed_and_its_credit_renewed(held: int) -> None:
    """The connection for work breaks and comes back by itself; the other one stood. What it held is counted as lost."""
    network, a, b = joined("a", "b", prefetch=5)
    b.wait("jobs")
    network.run(0.1)
    send_numbers(a, "jobs", range(held))
    for pipe in network.pipes(a, b):
        if pipe in a.pushes.values():
            network.sever(pipe)
    network.run(5.0)

    send_numbers(a, "jobs", range(held, 30))
    network.run(0.1)

    assert a.mesh.counters.dropped == {"lost in a cut": held}
    assert read(network, b, "jobs", 50) == list(range(held, 30))
    network.run(1.0)
    assert_conserved(a, b)
    assert_settled(a, b)


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

    assert a.mesh.account(busy.node_id).work_sent <= 2
    assert got >= 38


def test_a_node_bounds_what_waits_in_all_its_named_channels() -> None:
    """However many channels: the error says that it is the node that is full, and with what."""
    _network, a = joined("a", limits=Limits(queued_messages=10, queued_bytes=100))
    for n in range(10):
        a.send(f"jobs.{n}", {})

    with pytest.raises(ChannelFull, match="10 messages wait in the named channels of this process") as messages:
        a.send("other", {})
    a.flush()
    with pytest.raises(ChannelFull, match="100 bytes wait in the named channels") as octets:
        a.send("other", {"text": "x" * 100})

    assert (messages.value.reason, octets.value.reason) == ("node messages", "node bytes")


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
