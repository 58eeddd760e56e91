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


def test_what_was_handed_over_is_not_taken_before_its_reader_says_so() -> None:
    """Whoever says goodbye before may be faster than its last message, which nobody takes in then."""
    network, sender, reader = joined("sender", "reader")
    reader.wait("jobs")
    network.run(0.1)
    at_first = sender.mesh.is_taken
    sender.send("jobs", {"n": 1})
    on_its_way = sender.mesh.is_taken
    network.run(0.01)
    unread = sender.mesh.is_taken

    assert numbered(reader, "jobs") == [1]
    network.run(0.1)

    assert (at_first, on_its_way, unread, sender.mesh.is_taken) == (True, False, False, True)
