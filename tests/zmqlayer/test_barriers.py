"""The barriers of links: an echo counts once, for the link that it was raised for, and costs little."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from support.network import assert_meshed
from zmqlayer.actions import Subscribe, Unsubscribe
from zmqlayer.barriers import Barriers
from zmqlayer.frames import Kind
from zmqlayer.memory import MemoryNetwork
from zmqlayer.mesh import Mesh
from zmqlayer.names import NodeId
from zmqlayer.outbox import Outbox

ONE, TWO = NodeId(b"one-------------"), NodeId(b"two-------------")


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
    """When a machine dies, the links to all its processes are cut at once; one that is cut later has another."""
    raised.after(lambda: [raised.barriers.await_first(one) for one in (ONE, TWO)])
    (together,) = raised.after(lambda: [raised.barriers.await_anew(one, 5.0) for one in (ONE, TWO)])
    (later,) = raised.after(lambda: raised.barriers.await_anew(TWO, 5.1))

    assert raised.barriers.echoed(together, ONE)
    assert not raised.barriers.echoed(together, TWO)
    assert raised.barriers.echoed(later, TWO)


def test_a_barrier_that_was_taken_back_is_not_shared(raised: Raised) -> None:
    """A link that starts anew twice in one moment gets a second barrier: the first is not subscribed any more."""
    raised.after(lambda: raised.barriers.await_first(ONE))
    (first,) = raised.after(lambda: raised.barriers.await_anew(ONE, 5.0))
    (second,) = raised.after(lambda: raised.barriers.await_anew(ONE, 5.0))

    assert first not in raised.topics
    assert raised.barriers.echoed(second, ONE)


def test_after_an_end_new_links_share_another_barrier(raised: Raised) -> None:
    """An echo on its way from a link that ended cannot count for the next one to the same peer."""
    (former,) = raised.after(lambda: raised.barriers.await_first(ONE))
    raised.after(lambda: raised.barriers.ended(ONE))
    (latter,) = raised.after(lambda: raised.barriers.await_first(ONE))

    assert raised.topics == [latter]
    assert not raised.barriers.echoed(former, ONE)
    assert raised.barriers.echoed(latter, ONE)


def test_a_barrier_stays_while_anyone_owes_its_echo(raised: Raised) -> None:
    """The end of one link takes the barrier that another still waits for not back."""
    (topic,) = raised.after(lambda: (raised.barriers.await_first(ONE), raised.barriers.await_first(TWO)))
    raised.after(lambda: raised.barriers.ended(ONE))
    while_owed = list(raised.topics)

    raised.after(lambda: raised.barriers.echoed(topic, TWO))

    assert (while_owed, raised.topics) == ([topic], [])


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
