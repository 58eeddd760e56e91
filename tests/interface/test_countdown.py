"""A timer that is started anew."""

from __future__ import annotations

from twisted.internet.task import Clock

from zmqlayer.interface.countdown import Countdown


def test_the_last_call_counts() -> None:
    """What was to come before is forgotten."""
    clock, calls = Clock(), list[str]()
    countdown = Countdown(clock)
    countdown.start(1.0, lambda: calls.append("first"))
    countdown.start(2.0, lambda: calls.append("second"))

    clock.pump([1.0, 1.0])

    assert (calls, countdown.is_running) == (["second"], False)


def test_it_can_be_stopped_at_any_time() -> None:
    """Before it was started, while it runs, after its call, and twice; then it can be started again."""
    clock, calls = Clock(), list[int]()
    countdown = Countdown(clock)
    countdown.stop()
    countdown.start(1.0, lambda: calls.append(1))
    running = countdown.is_running
    countdown.stop()
    countdown.stop()
    countdown.start(1.0, lambda: calls.append(2))
    clock.advance(1.0)
    countdown.stop()

    assert (running, calls, countdown.is_running) == (True, [2], False)
    assert not clock.getDelayedCalls()
