"""Bounds on time."""

from __future__ import annotations

import signal
import threading

import pytest

from bench.bounds import Overdue, within


def test_what_hangs_is_ended() -> None:
    """A wait without an end is left, though it catches every exception."""
    with pytest.raises(Overdue, match=r"0\.05 s"), within(0.05):
        try:
            threading.Event().wait()
        except Exception:  # noqa: BLE001 - this is what contestants do
            pytest.fail("the interruption was swallowed")


def test_what_is_done_in_time_is_left_alone() -> None:
    """The bound ends with its body, and the one around it stands."""
    around = signal.getitimer(signal.ITIMER_REAL)

    with within(5.0):
        inside = signal.getitimer(signal.ITIMER_REAL)

    assert inside[0] <= 5.0
    assert signal.getitimer(signal.ITIMER_REAL)[1] == around[1]
    assert (signal.getitimer(signal.ITIMER_REAL)[0] > 0) == (around[0] > 0)
