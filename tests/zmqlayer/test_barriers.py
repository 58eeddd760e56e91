"""The barriers of links: an echo counts once, for the link that it was raised for, and costs little."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

import zmqlayer.barriers as barriers_module
from support.network import assert_meshed
from zmqlayer.actions import Subscribe, Unsubscribe
from zmqlayer.barriers import Barriers
from zmqlayer.frames import Kind, is_for
from zmqlayer.memory import MemoryNetwork
from zmqlayer.mesh import Mesh
from zmqlayer.names import NodeId
from zmqlayer.outbox import Outbox

ONE, TWO, THREE = (NodeId(name.ljust(16, b"-")) for name in (b"one", b"two", b"three"))


class Raised:
    """Barriers, and the topics that they subscribed to and took back."""

    def __init__(self) -> None:
        self.outbox = Outbox(NodeId(bytes(16)))
        self.barriers = Barriers(self.outbox, random.Random(1).randbytes)
        self.topics: list[bytes] = []

    def after(self, step: Callable[[], object]) -> list[bytes]:
        """Do *step*; return what is newly subscribed, and keep account of what is."""
        step()
        new = []
        for action in self.outbox.take():
            if isinstance(action, Subscribe):
                new.append(action.topic)
                self.topics.append(action.topic)
            elif isinstance(action, Unsubscribe):
                self.topics.remove(action.topic)
        return new


@pytest.fixture
def raised() -> Raised:
    return Raised()


def test_new_links_share_a_barrier(raised: Raised) -> None:
    """The first link raises a barrier, the second owes an echo of the same."""
    (topic,) = raised.after(lambda: raised.barriers.await_first(ONE))

    assert raised.after(lambda: raised.barriers.await_first(TWO)) == []
    assert raised.barriers.echoed(topic, TWO)
    assert raised.barriers.echoed(topic, ONE)


def test_an_echo_counts_once(raised: Raised) -> None:
    """A second echo, one of another barrier, and one of a stranger prove nothing."""
    (topic,) = raised.after(lambda: raised.barriers.await_first(ONE))

    assert not raised.barriers.echoed(bytes(17), ONE)
    assert raised.barriers.echoed(topic, ONE)
    assert not raised.barriers.echoed(topic, ONE)
    assert not raised.barriers.echoed(topic, TWO)


def test_a_link_that_starts_anew_has_a_barrier_of_its_own(raised: Raised) -> None:
    """The shared barrier proves nothing any more; the new one is taken back once it was echoed."""
    (shared,) = raised.after(lambda: raised.barriers.await_first(ONE))
    (own,) = raised.after(lambda: raised.barriers.await_anew(ONE, 5.0))

    assert not raised.barriers.echoed(shared, ONE)
    raised.after(lambda: raised.barriers.echoed(own, ONE))
    assert raised.topics == [shared]


def test_links_that_start_anew_together_share_a_barrier(raised: Raised) -> None:
    """
    When a machine dies, the links to all its processes are cut at once; one that is cut later has another.

    The first of them cannot know that others follow: its barrier is for its peer alone.
    """
    raised.after(lambda: [raised.barriers.await_first(peer) for peer in (ONE, TWO, THREE)])
    own, together = raised.after(lambda: [raised.barriers.await_anew(peer, 5.0) for peer in (ONE, TWO, THREE)])
    (later,) = raised.after(lambda: raised.barriers.await_anew(THREE, 5.1))

    assert (is_for(own, ONE), is_for(own, TWO), is_for(together, TWO), is_for(together, THREE)) == (
        True, False, True, True,
    )  # fmt: skip
    assert raised.barriers.echoed(own, ONE)
    assert raised.barriers.echoed(together, TWO)
    assert not raised.barriers.echoed(together, THREE)
    assert raised.barriers.echoed(later, THREE)


def test_a_barrier_that_was_taken_back_is_not_shared(raised: Raised) -> None:
    """A link that starts anew twice in one moment gets a second barrier: the first is not subscribed any more."""
    raised.after(lambda: raised.barriers.await_first(ONE))
    (first,) = raised.after(lambda: raised.barriers.await_anew(ONE, 5.0))
    (second,) = raised.after(lambda: raised.barriers.await_anew(ONE, 5.0))

    assert first not in raised.topics
    assert raised.barriers.echoed(second, ONE)


def test_after_its_end_a_link_has_a_barrier_of_its_own(raised: Raised) -> None:
    """An echo on its way from a link that ended cannot count for the next one to the same peer. Others still share."""
    (shared,) = raised.after(lambda: raised.barriers.await_first(ONE))
    raised.after(lambda: raised.barriers.ended(ONE))
    (own,) = raised.after(lambda: raised.barriers.await_first(ONE))

    assert raised.after(lambda: raised.barriers.await_first(TWO)) == []
    assert (is_for(own, ONE), is_for(own, TWO)) == (True, False)
    assert not raised.barriers.echoed(shared, ONE)
    assert raised.barriers.echoed(own, ONE)
    assert raised.barriers.echoed(shared, TWO)
    raised.after(lambda: raised.barriers.ended(ONE))
    assert raised.topics == [shared]


def test_after_many_ends_new_links_share_another_barrier(raised: Raised, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not have the shared one is not remembered for ever."""
    monkeypatch.setattr(barriers_module, "MOST_ENDED", 2)
    (former,) = raised.after(lambda: raised.barriers.await_first(ONE))
    for peer in (ONE, TWO, THREE):
        raised.after(lambda peer=peer: raised.barriers.ended(peer))  # type: ignore[misc]  # a default
    (latter,) = raised.after(lambda: raised.barriers.await_first(ONE))

    assert raised.topics == [latter]
    assert not raised.barriers.echoed(former, ONE)
    assert raised.barriers.echoed(latter, ONE)


def test_a_barrier_stays_while_anyone_owes_its_echo(raised: Raised) -> None:
    """What several links wait for is taken back with the last of them."""
    raised.after(lambda: [raised.barriers.await_first(peer) for peer in (ONE, TWO, THREE)])
    *_, topic = raised.after(lambda: [raised.barriers.await_anew(peer, 5.0) for peer in (ONE, TWO, THREE)])
    raised.after(lambda: raised.barriers.ended(TWO))
    while_owed = topic in raised.topics

    raised.after(lambda: raised.barriers.echoed(topic, THREE))

    assert (while_owed, topic in raised.topics) == (True, False)


def test_a_newcomer_costs_two_echoes_for_each_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who joins a mesh of ten hears ten echoes and gives ten: not a hundred."""
    network = MemoryNetwork(seed=4)
    nodes = [network.add(f"n{number}") for number in range(10)]
    network.run(1.0)
    kinds: list[int] = []
    receive = Mesh.receive

    def count(mesh: Mesh, wire: bytes, now: float) -> None:
        kinds.append(wire[17])
        receive(mesh, wire, now)

    monkeypatch.setattr(Mesh, "receive", count)
    nodes.append(network.add("newcomer"))
    network.run(0.5)

    assert_meshed(*nodes)
    assert kinds.count(Kind.ECHO) == 20
