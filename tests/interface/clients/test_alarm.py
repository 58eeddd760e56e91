"""One timer for many deadlines."""

from math import inf

from twisted.internet.task import Clock

from zmqlayer.interface.clients.alarm import Alarm


def alarm_on(clock: Clock) -> tuple[Alarm, list[float]]:
    """Return an alarm, and the times at which it rang."""
    rung: list[float] = []
    return Alarm(clock, lambda: rung.append(clock.seconds())), rung


def test_it_rings_at_the_first_deadline() -> None:
    """Of several deadlines the first one counts, in whatever order they are told."""
    clock = Clock()
    alarm, rung = alarm_on(clock)

    alarm.expect(20.0)
    alarm.expect(5.0)
    alarm.expect(10.0)
    clock.advance(5.0)

    assert rung == [5.0]
    assert not clock.getDelayedCalls()


def test_a_later_deadline_costs_no_timer() -> None:
    """While an earlier deadline is planned, a later one plans nothing."""
    clock = Clock()
    alarm, _ = alarm_on(clock)
    alarm.expect(5.0)
    planned = clock.getDelayedCalls()

    alarm.expect(6.0)

    assert clock.getDelayedCalls() == planned
    alarm.cancel()


def test_cancelled() -> None:
    """A cancelled alarm leaves no timer."""
    clock = Clock()
    alarm, _ = alarm_on(clock)
    alarm.expect(5.0)

    alarm.cancel()
    alarm.cancel()

    assert not clock.getDelayedCalls()


def test_never() -> None:
    """Infinity plans nothing; what has passed rings at once."""
    clock = Clock()
    alarm, rung = alarm_on(clock)
    alarm.expect(inf)
    assert not clock.getDelayedCalls()

    alarm.expect(-1.0)
    clock.advance(0)

    assert rung == [0.0]
