"""Timers by the thousand: never early, a little late, and none stops another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from zmqlayer.interface.deadlines import PRECISE_S, Deadlines
from zmqlayer.interface.options import Timer

FINEST_S = 0.01


@pytest.fixture
def clock() -> Clock:
    """A reactor's clock that a test moves."""
    return Clock()


@pytest.fixture
def deadlines(clock: Clock) -> Deadlines:
    """Deadlines by that clock."""
    return Deadlines(clock)


@given(delay_s=st.floats(PRECISE_S, 100_000.0), started_at=st.floats(0.0, 2e9))
def test_a_call_is_never_early_and_little_late(delay_s: float, started_at: float) -> None:
    """Whatever the delay and the time of day."""
    clock = Clock()
    clock.advance(started_at)
    deadlines = Deadlines(clock)
    called_at: list[float] = []
    deadlines.callLater(delay_s, lambda: called_at.append(clock.seconds()))
    due = clock.getDelayedCalls()[0].getTime()

    clock.advance(due - clock.seconds())
    clock.advance(FINEST_S)

    assert started_at + delay_s <= called_at[0] + 1e-6
    assert called_at[0] <= started_at + delay_s * (1 + 1 / 32) + FINEST_S + 1e-6
    assert len(deadlines) == 0


def test_short_delays_are_exact(clock: Clock, deadlines: Deadlines) -> None:
    """They are the reactor's own timers."""
    called: list[str] = []
    timer = deadlines.callLater(0.5, called.append, "now")

    clock.advance(0.5)

    assert called == ["now"]
    assert not timer.active()


def test_a_cancelled_call_is_not_made(clock: Clock, deadlines: Deadlines) -> None:
    """And it takes no room until it would have been due."""
    called: list[str] = []
    timer = deadlines.callLater(5.0, called.append, "late")

    timer.cancel()
    timer.cancel()

    assert (timer.active(), len(deadlines)) == (False, 0)
    clock.advance(6.0)
    assert called == []


def test_thousands_share_a_few_calls_of_the_reactor(clock: Clock, deadlines: Deadlines) -> None:
    """Each of the reactor's own timers would cost more than a request's message."""
    called: list[int] = []
    for number in range(5_000):
        deadlines.callLater(120.0, called.append, number)
        clock.advance(0.001)

    assert repr(deadlines) == "<Deadlines [5,000 in 4 buckets]>"
    assert len(clock.getDelayedCalls()) == 1
    clock.pump([1.0] * 126)
    assert called == list(range(5_000))
    assert clock.getDelayedCalls() == []


def test_a_later_one_does_not_delay_an_earlier_one(clock: Clock, deadlines: Deadlines) -> None:
    """Deadlines fall due by their time, in whatever order they were planned."""
    called: list[str] = []
    for delay_s in (60.0, 2.0, 10.0):
        deadlines.callLater(delay_s, called.append, f"{delay_s:g}")

    clock.pump([2.1, 8.2, 51.0])

    assert called == ["2", "10", "60"]


def test_an_exception_stops_no_other(clock: Clock, deadlines: Deadlines, caplog: pytest.LogCaptureFixture) -> None:
    """A checker of timeouts that dies with one of them would leave all later ones waiting for ever."""
    called: list[str] = []

    def fail() -> None:
        raise RuntimeError("a mistake in a timeout")

    deadlines.callLater(5.0, called.append, "before")
    deadlines.callLater(5.0, fail)
    deadlines.callLater(5.0, called.append, "after")
    deadlines.callLater(50.0, called.append, "later")

    clock.pump([5.2, 47.0])

    assert called == ["before", "after", "later"]
    assert "a timeout failed" in caplog.text


def test_one_may_cancel_or_plan_another(clock: Clock, deadlines: Deadlines) -> None:
    """Within the same turn of the reactor."""
    called: list[str] = []
    timers: list[Timer] = []

    def first() -> None:
        timers[0].cancel()
        deadlines.callLater(5.0, called.append, "planned")

    deadlines.callLater(5.0, first)
    timers.append(deadlines.callLater(5.0, called.append, "cancelled"))

    clock.pump([5.2, 5.2])

    assert called == ["planned"]
