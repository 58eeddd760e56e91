"""Who is the last of several threads to be done."""

from __future__ import annotations

import threading

__all__ = ["Countdown"]


class Countdown:
    """
    Says once, to whichever thread it is, that it was the last.

    Args:
        count: How many will ask.
    """

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._left = count

    def is_last(self) -> bool:
        """Count the caller as done; returns whether all are now."""
        with self._lock:
            self._left -= 1
            return self._left == 0
