"""A node that leaves gives back what it did not start, whatever is still on its way to it."""

from __future__ import annotations

from support.network import joined, numbered
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.peers import PeerState


def trio(prefetch: int) -> tuple[MemoryNetwork, MemoryNode, MemoryNode, MemoryNode]:
    network = MemoryNetwork(seed=3)
    sender = network.add("sender")
    first, second = (network.add(name, prefetch=prefetch) for name in ("first", "second"))
    network.run(1.0)
    return network, sender, first, second


def test_work_on_its_way_to_a_leaving_reader_comes_back() -> None:
    """Messages that cross the news of a reader's end are returned, and another reader gets all of them in order."""
    network, sender, first, second = trio(prefetch=8)
    network.delay(sender, first, 0.05)
    first.wait("jobs")
    network.run(0.2)
    for number in range(5):
        sender.send("jobs", {"number": number})
    first.leave()
    network.run(1.0)
    second.wait("jobs")
    numbers = []
    for _ in range(5):
        network.run(0.1)
        numbers += [message["number"] for message in second.take_all("jobs")]
    assert numbers == [0, 1, 2, 3, 4]
    assert not first.is_alive


def test_a_node_that_said_goodbye_is_not_linked_again() -> None:
    """Its last words may cross our hanging up; it is gone once, and stays gone."""
    network, sender, first, _ = trio(prefetch=0)
    network.delay(sender, first, 0.05)
    first.leave()
    network.run(3.0)
    assert sender.changes(first) == [PeerState.READY, PeerState.GONE]


def test_a_leaving_reader_does_not_wait_for_a_dead_sender() -> None:
    """A sender that dies owes no end."""
    network, sender, first, _ = trio(prefetch=8)
    first.wait("jobs")
    network.run(0.2)
    network.kill(sender)
    first.leave()
    network.run(0.6)
    assert not first.is_alive


def test_who_leaves_stays_until_what_it_handed_over_is_begun() -> None:
    """Its goodbye may be faster than its last message, and who has heard that takes in no more."""
    network, sender, reader = joined("sender", "reader")
    reader.wait("jobs")
    network.run(0.1)
    sender.send("jobs", {"n": 1})

    sender.leave()
    network.run(0.05)
    is_there_still = sender.is_alive
    assert numbered(reader, "jobs") == [1]
    network.run(0.1)

    assert (is_there_still, sender.is_alive) == (True, False)


def test_what_a_busy_reader_gives_back_to_one_that_leaves_goes_to_another() -> None:
    """It has somewhere to go back to."""
    network, sender, busy, free = trio(prefetch=6)  # so that the sender's share is more than it sends
    busy.wait("jobs")
    network.run(0.1)
    for n in range(2):
        sender.send("jobs", {"n": n})
    network.run(0.01)
    assert busy.take("jobs") == {"n": 0}
    busy.unwait("jobs")

    sender.leave()
    free.wait("jobs")
    network.run(0.5)

    assert numbered(free, "jobs") == [1]
    network.run(0.1)
    assert not sender.is_alive


def test_who_leaves_waits_for_no_reader_for_long() -> None:
    """One that never looks is left after the time that there is for leaving."""
    network, sender, reader = joined("sender", "reader")
    reader.mesh.poll(reader.interest("jobs"), network.now)
    network.pump(reader)
    network.run(0.1)
    sender.send("jobs", {"n": 1})

    sender.leave()
    network.run(sender.config.timing.linger_s + 0.1)

    assert not sender.is_alive
