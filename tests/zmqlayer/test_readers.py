"""Readers: credit for named channels, and what a dead, slow or closing reader costs."""

from __future__ import annotations

from typing import Any

import pytest

from support.network import (
    assert_conserved,
    assert_settled,
    joined,
    numbered,
    read,
    read_one,
    send_numbers,
)
from zmqlayer.events import Readable
from zmqlayer.exceptions import LimitReached
from zmqlayer.limits import Limits
from zmqlayer.memory import MemoryNetwork
from zmqlayer.names import encode_node_id


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


@pytest.mark.parametrize("prefetch", [0, 1, 8])
@pytest.mark.parametrize("waits", [True, False], ids=["waits", "polls"])
def test_what_a_node_sends_itself_starves_nobody(prefetch: int, waits: bool) -> None:
    """A reader whose own node never runs out of messages for it has credit for others as well."""
    network, a, b = joined("a", "b", prefetch=prefetch)
    send_numbers(b, "jobs", range(40))
    send_numbers(a, "jobs", range(100, 104))
    got: list[int] = []
    for number in range(40, 80):
        if waits:
            b.wait("jobs")
        else:
            b.mesh.poll(b.interest("jobs"), network.now)
        network.run(0.01)
        got += read_one(b, "jobs")
        b.send("jobs", {"n": number})

    others = [number for number in got if number >= 100]
    assert others == [100, 101, 102, 103]
    assert len(got) == 40
    assert [number for number in got if number < 100] == list(range(36))


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


def test_a_reader_may_read_ahead_of_the_settings() -> None:
    """It is handed more than it waits for; others on its node are not."""
    network, a, b = joined("a", "b")
    b.mesh.read_ahead(b.interest("jobs"), 3, network.now)
    for channel in ("jobs", "mails"):
        b.wait(channel)
    network.run(0.1)

    for channel in ("jobs", "mails"):
        send_numbers(a, channel, range(6))
    network.run(0.1)

    unread = [letter.channel for letter in b.mesh.letters()]
    assert (unread.count("jobs"), unread.count("mails")) == (4, 1)


def test_a_reader_that_stops_gives_back_what_it_did_not_take() -> None:
    """At once, in order, and in front of what its sender has still; another reader gets it."""
    network, a, b, c = joined("a", "b", "c")
    b.mesh.read_ahead(b.interest("jobs"), 3, network.now)
    b.wait("jobs")
    network.run(0.1)
    send_numbers(a, "jobs", range(6))
    network.run(0.1)
    taken = read_one(b, "jobs")

    b.unwait("jobs")
    b.mesh.stop_reading(b.interest("jobs"), network.now)
    b.mesh.stop_reading(b.interest("jobs"), network.now)  # may be said twice
    network.run(0.1)
    got = []
    for _ in range(5):
        c.wait("jobs")
        network.run(0.1)
        got += read_one(c, "jobs")

    assert (taken, got) == ([0], [1, 2, 3, 4, 5])


def test_who_stops_takes_nothing_from_others_that_wait() -> None:
    """They keep the credit they need, and get no more than they can take; what was read ahead goes elsewhere."""
    network, a, b, c = joined("a", "b", "c")
    b.mesh.read_ahead(b.interest("jobs"), 3, network.now)
    b.wait("jobs")
    network.run(0.1)
    send_numbers(a, "jobs", range(3))
    network.run(0.1)

    b.mesh.stop_reading(b.interest("jobs"), network.now)
    network.run(0.1)
    c.wait("jobs")
    network.run(0.1)

    assert (numbered(b, "jobs"), numbered(c, "jobs")) == ([0], [1])


def test_as_many_readers_as_peers_accept() -> None:
    """One more is refused while all are in use; it takes the place of the one that was idle for longest."""
    network, a, b = joined("a", "b", limits=Limits(readers=3))
    for n in range(3):
        b.wait(f"jobs.{n}")
    with pytest.raises(LimitReached, match="this node has 3 readers"):
        b.wait("jobs.3")
    b.unwait("jobs.1")

    b.wait("jobs.3")
    network.run(0.1)
    for n in range(4):
        a.send(f"jobs.{n}", {"n": n})
    network.run(0.1)

    assert a.sees(b) == "ready"
    assert [numbered(b, f"jobs.{n}") for n in (0, 2, 3)] == [[0], [2], [3]]
    assert len(b.mesh._readers._readers) == 3


def test_who_polls_many_channels_is_not_taken_for_an_attacker() -> None:
    """Readers that nobody used lately make room."""
    network, a, b = joined("a", "b", limits=Limits(readers=3))

    for n in range(10):
        b.take(f"jobs.{n}")
        b.mesh.poll(b.interest(f"jobs.{n}"), network.now)
        network.run(0.01)

    assert a.sees(b) == "ready"


@pytest.mark.parametrize(
    ("settings", "number"),
    [({"limits": Limits(reader_channels=3)}, 4), ({"max_message_size": 100}, 1_000)],
    ids=["by the limit", "by the frame that names them"],
)
def test_a_reader_of_too_many_channels_is_refused(settings: dict[str, Any], number: int) -> None:
    """Before peers hear of it."""
    network, a, b = joined("a", "b", **settings)

    with pytest.raises(LimitReached, match="reader channels"):
        b.wait(*(f"c{n}" for n in range(number)))
    network.run(0.1)

    assert a.sees(b) == "ready"


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
    network.run(0.1)  # it hears within 50 ms that the last one was begun
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


def test_only_the_maker_of_a_single_reader_channel_gets_credit() -> None:
    """All that is sent there is queued at it, so that a body costs the rest of the mesh nothing."""
    network, maker, reader, other = joined("a", "b", "c")
    channel = f"body?{encode_node_id(maker.node_id)}1"

    reader.wait(channel)
    network.run(0.1)

    assert maker.mesh.has_reader(channel)
    assert not other.mesh.has_reader(channel)


def test_the_reader_of_a_body_ends_soon() -> None:
    """There is one for each body; it begins anew for one that is read slowly."""
    network, maker, reader = joined("a", "b")
    channel = f"body?{encode_node_id(maker.node_id)}1"
    reader.wait(channel)
    network.run(0.1)
    maker.send(channel, {"n": 1})
    network.run(0.1)
    first = numbered(reader, channel)
    reader.unwait(channel)

    network.run(3.0)
    assert not maker.mesh.has_reader(channel)
    reader.wait(channel)
    maker.send(channel, {"n": 2})
    network.run(0.1)

    assert first + numbered(reader, channel) == [1, 2]


def read_and_work(network: Any, sender: Any, reader: Any, number: int) -> None:
    """Let *reader* take one of *number* messages and work on it; the others lie there, prefetched."""
    reader.wait("jobs")
    network.run(0.1)
    send_numbers(sender, "jobs", range(number))
    network.run(0.01)
    assert reader.take("jobs") == {"n": 0}
    reader.unwait("jobs")


def test_what_a_busy_reader_holds_goes_to_a_free_one() -> None:
    """After a tenth of a second, in order; the busy one gets nothing until it looks again."""
    network, a, busy, free = joined("a", "busy", "free", prefetch=6)  # so that a's share is more than it sends
    read_and_work(network, a, busy, 3)
    free.wait("jobs")
    network.run(0.05)
    assert free.take("jobs") is None

    network.run(0.1)

    assert [free.take("jobs") for _ in range(2)] == [{"n": 1}, {"n": 2}]
    free.unwait("jobs")
    send_numbers(a, "jobs", range(3, 4))
    network.run(0.2)
    assert busy.mesh.in_flight == 0
    busy.wait("jobs")
    network.run(0.2)
    assert (busy.take("jobs") or free.take("jobs")) == {"n": 3}


def test_what_comes_for_a_receiver_that_gave_up_goes_to_another() -> None:
    """Its credit was out still; nobody waits for it to come again."""
    network, a, b, c = joined("a", "b", "c")
    b.wait("jobs")
    network.run(0.1)
    b.unwait("jobs")
    a.send("jobs", {"n": 1})
    network.run(0.05)
    c.wait("jobs")

    network.run(0.2)

    assert numbered(c, "jobs") == [1]
    assert_conserved(a, b, c)


@pytest.mark.parametrize("prefetch", [0, 4])
def test_who_was_woken_has_time_to_come(prefetch: int) -> None:
    """However long it had waited before; what comes behind the message that woke it waits for it too."""
    network, a, b, reader = joined("a", "b", "reader", prefetch=prefetch)
    reader.wait("jobs")
    network.run(0.5)
    a.send("jobs", {"n": 1})
    network.run(0.001)
    reader.unwait("jobs")
    b.send("jobs", {"n": 2})

    network.run(0.09)

    assert numbered(reader, "jobs") == [1, 2]


def test_what_woke_a_receiver_that_gave_up_goes_to_another() -> None:
    """Nobody is left here to whom the wake could be passed on."""
    network, a, b, c = joined("a", "b", "c")
    b.wait("jobs")
    network.run(0.5)
    a.send("jobs", {"n": 1})
    network.run(0.001)
    b.unwait("jobs")
    c.wait("jobs")

    network.run(0.2)

    assert numbered(c, "jobs") == [1]
    assert_conserved(a, b, c)


def test_what_the_dead_sent_is_done_though_its_reader_is_busy() -> None:
    """Nobody is there to take it back: it stays where it is, and is taken when the reader looks again."""
    network, a, b = joined("a", "b", prefetch=4)
    read_and_work(network, a, b, 3)
    network.kill(a)

    network.run(0.3)

    assert b.sees(a) is None
    assert b.mesh.counters.handed_over == 0
    assert numbered(b, "jobs") == [1, 2]
    assert_conserved(b)


def test_what_the_dead_sent_is_counted_where_its_reader_ends() -> None:
    """It could be given back to nobody, and nobody reads it here."""
    network, a, b = joined("a", "b", prefetch=4)
    read_and_work(network, a, b, 3)
    network.kill(a)

    network.run(30)

    assert b.mesh.counters.dropped == {"peer gone": 2}
    assert b.mesh.counters.handed_over == 0
    assert_conserved(b)


def test_a_busy_node_takes_back_what_it_queued_for_itself() -> None:
    """Its own messages too are for others while it is busy, and for itself when it looks again."""
    network, node, free = joined("node", "free", prefetch=4)
    read_and_work(network, node, node, 3)
    network.run(0.2)

    free.wait("jobs")
    network.run(0.01)
    assert free.take("jobs") == {"n": 1}
    free.unwait("jobs")
    network.run(0.3)

    node.wait("jobs")
    network.run(0.01)
    assert {"n": 2} in (node.take("jobs"), free.take("jobs"))


def test_who_looks_now_and_then_is_not_busy() -> None:
    """What came since it looked waits for it for as long as its look is good."""
    network, a, b = joined("a", "b", prefetch=4)
    b.mesh.poll(b.interest("jobs"), network.now)
    network.pump(b)
    network.run(0.01)
    send_numbers(a, "jobs", range(1))

    network.run(0.8)

    assert b.take("jobs") == {"n": 0}


def wakes(node: Any) -> int:
    """Return how many receivers were to be woken since the last call."""
    numbers = [event.number for event in node.events if isinstance(event, Readable)]
    node.events.clear()
    return sum(numbers)


def take_one(network: Any, sender: Any, reader: Any) -> None:
    """Let one of the receivers that wait be woken by a message, and take it."""
    network.run(0.1)
    send_numbers(sender, "jobs", range(1))
    network.run(0.001)
    reader.unwait("jobs")
    assert reader.take("jobs") == {"n": 0}


def test_receivers_are_woken_one_after_the_other() -> None:
    """One that was woken may take all there is; if it does not come within 2 ms, others are woken for the rest."""
    network, a, b = joined("a", "b")
    for _ in range(3):
        b.wait("jobs")
    network.run(0.1)
    b.events.clear()

    send_numbers(a, "jobs", range(3))
    network.run(0.001)
    assert wakes(b) == 1

    network.run(0.003)
    assert wakes(b) >= 2


def test_who_took_one_and_waits_again_is_woken_at_once() -> None:
    """Nobody is out any more who might come by himself."""
    network, a, b = joined("a", "b")
    b.wait("jobs")
    take_one(network, a, b)
    b.wait("jobs")
    network.run(0.0009)
    b.events.clear()

    send_numbers(a, "jobs", range(1, 2))
    network.run(0.001)

    assert wakes(b) == 1


def test_who_took_one_may_take_the_next() -> None:
    """While one receiver works, another is not woken before 2 ms have passed."""
    network, a, b = joined("a", "b")
    for _ in range(2):
        b.wait("jobs")
    take_one(network, a, b)
    b.events.clear()

    send_numbers(a, "jobs", range(1, 2))
    network.run(0.001)
    assert (wakes(b), b.mesh.in_flight) == (0, 1)

    network.run(0.002)
    assert wakes(b) == 1


def test_what_came_just_before_one_waits_wakes_it() -> None:
    """A look that finds nothing may bring a message of the node's own; who waits then has looked before it came."""
    _, node, _ = joined("node", "other")
    node.send("jobs", {"n": 0})
    interest = node.interest("jobs", node.new_channel())
    node.mesh.poll(interest, node.clock())
    node.mesh.events()

    node.mesh.wait(interest, node.clock())

    assert [event.number for event in node.mesh.events() if isinstance(event, Readable)] == [1]
