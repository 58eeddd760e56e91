"""A bound on how long something may take, whatever it waits for."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

__all__ = ["Overdue", "within"]

AGAIN_S: Final = 30.0
"""So long may what cleans up after it take."""


class Overdue(BaseException):
    """Something took too long. Not an ``Exception``, so that nobody who catches those swallows it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """
    Raise in the main thread, wherever that is or waits, if the body takes longer; and again if the way out hangs too.

    Raises:
        Overdue: It did.
        ValueError: This is not the main thread.
    """

    def interrupt(*_: object) -> NoReturn:
        raise Overdue(f"not done after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)  # there may be a bound around this one
