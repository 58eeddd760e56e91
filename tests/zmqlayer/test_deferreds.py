"""A Deferred of the next message: fired on the reactor's thread, and safe to cancel at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from support.doubles import fake_node
from zmqlayer.deferreds import Received, receive
from zmqlayer.exceptions import LayerClosed, LimitReached
from zmqlayer.slot import NodeSlot
from zmqlayer.sync import SyncLayer


class FakeReactor(Clock):
    """A clock whose calls from threads wait, like all others, until ``turn``."""

    def callFromThread(self, callable: Callable[..., Any], *args: object) -> None:
        self.callLater(0, callable, *args)

    def turn(self) -> None:
        """Make all calls that are due."""
        self.advance(0)


@pytest.fixture
def reactor() -> FakeReactor:
    """A reactor that turns when told."""
    return FakeReactor()


@pytest.fixture
def layer() -> Iterator[SyncLayer]:
    """A layer on a node without sockets."""
    layer = SyncLayer(NodeSlot(fake_node))
    yield layer
    if not layer.node.is_closed:
        layer.node.ask(lambda mesh, now: mesh.flush(now))
        layer.close()


@pytest.fixture
def wait(layer: SyncLayer, reactor: FakeReactor) -> Callable[..., tuple[Received, list[Any]]]:
    """Return a function that begins to receive, and returns the Deferred and what it fired with."""

    def wait(*channels: str) -> tuple[Received, list[Any]]:
        outcome: list[Any] = []
        deferred = receive(layer, layer._interest(channels), reactor)
        deferred.addBoth(outcome.append)
        return deferred, outcome

    return wait


def test_what_is_there_fires_at_once(layer: SyncLayer, wait: Any) -> None:
    """Like a receive that need not block."""
    own = layer.new_channel("reply!")
    layer.send(own, {"n": 1})

    assert wait("jobs", own)[1] == [(own, {"n": 1})]


def test_no_channels_fire_with_nothing(wait: Any) -> None:
    """As ``receive`` returns nothing."""
    assert wait()[1] == [(None, None)]


def test_what_comes_later_fires_on_the_reactor(layer: SyncLayer, reactor: FakeReactor, wait: Any) -> None:
    """Not on the thread that delivers."""
    _, outcome = wait("jobs")
    layer.send("jobs", {"n": 1})
    before = list(outcome)

    reactor.turn()

    assert (before, outcome) == ([], [("jobs", {"n": 1})])


def test_a_wake_in_vain_waits_again(layer: SyncLayer, reactor: FakeReactor, wait: Any) -> None:
    """Somebody else was faster; the next message comes all the same."""
    _, outcome = wait("jobs")
    layer.send("jobs", {"n": 1})
    taken = layer.receive(["jobs"])
    reactor.turn()
    layer.send("jobs", {"n": 2})

    reactor.turn()

    assert (taken, outcome) == (("jobs", {"n": 1}), [("jobs", {"n": 2})])


def test_a_letter_that_is_no_message_is_passed_over(layer: SyncLayer, reactor: FakeReactor, wait: Any) -> None:
    """Its sender's fault is not the receiver's."""
    _, outcome = wait("jobs")
    layer.node.ask(lambda mesh, now: mesh.send("jobs", b"\xc1", now))
    layer.send("jobs", {"n": 1})

    reactor.turn()

    assert outcome == [("jobs", {"n": 1})]


@pytest.mark.parametrize("is_woken", [False, True], ids=["before", "after"])
def test_one_that_is_cancelled_takes_nothing(layer: SyncLayer, reactor: FakeReactor, wait: Any, is_woken: bool) -> None:
    """Before the message came, or after it was woken for it: the next one gets it."""
    first, given_up = wait("jobs")
    _, outcome = wait("jobs")
    if is_woken:
        layer.send("jobs", {"n": 1})
    first.cancel()
    if not is_woken:
        layer.send("jobs", {"n": 1})

    reactor.turn()

    assert [failure.type for failure in given_up] == [CancelledError]
    assert outcome == [("jobs", {"n": 1})]


def test_closing_the_layer_fails_those_that_wait(layer: SyncLayer, reactor: FakeReactor, wait: Any) -> None:
    """They hear that nothing will come."""
    _, outcome = wait("jobs")
    layer.close()

    reactor.turn()

    assert [failure.type for failure in outcome] == [LayerClosed]


def test_one_for_whom_there_is_no_room_any_more_fails(reactor: FakeReactor) -> None:
    """It was woken, and others who read something else came before it looked."""
    layer = SyncLayer(NodeSlot(lambda: fake_node(limits={"readers": 1})))
    outcome: list[Any] = []
    receive(layer, layer._interest(["jobs"]), reactor).addBoth(outcome.append)
    layer.send("jobs", {"n": 1})
    receive(layer, layer._interest(["other"]), reactor).addErrback(lambda failure: None)

    reactor.turn()

    assert [failure.type for failure in outcome] == [LimitReached]
    layer.node.ask(lambda mesh, now: mesh.flush(now))
    layer.close()
