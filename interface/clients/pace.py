"""
Whether a client keeps bytes moving that it is to send, or to take. Pure; time is passed in.

A client that sends a byte a minute is busy, and a burden: so each span of time must bring a number of bytes, and none
may pass without any.
"""

from __future__ import annotations

from math import inf
from typing import Final

__all__ = ["NEVER", "Pace"]

NEVER: Final = inf


class Pace:
    """
    The bytes that one client moves in one direction.

    Args:
        timeout_s: Without a byte.
        min_rate: Bytes per second, as a mean over each *timeout_s*; 0 for any.
    """

    __slots__ = ("_least", "_moved", "_moved_at", "_since", "_timeout_s")

    def __init__(self, timeout_s: float, min_rate: float = 0) -> None:
        self._timeout_s = timeout_s
        self._least = min_rate * timeout_s
        self._since: float | None = None
        self._moved = 0
        self._moved_at = 0.0

    def start(self, now: float) -> None:
        """Bytes are due from now on; does nothing if they are already."""
        if self._since is None:
            self._since = self._moved_at = now
            self._moved = 0

    def stop(self) -> None:
        """No bytes are due."""
        self._since = None

    def count(self, size: int, now: float) -> None:
        """Some bytes moved."""
        self._moved += size
        self._moved_at = now

    def deadline(self) -> float:
        """Return when to call :meth:`is_too_slow` next."""
        if self._since is None:
            return NEVER
        silence = self._moved_at + self._timeout_s
        return min(silence, self._since + self._timeout_s) if self._least else silence

    def is_too_slow(self, now: float) -> bool:
        """Whether the client has moved too little; if not, and a span has passed, the next one begins."""
        if self._since is None:
            return False
        if now >= self._moved_at + self._timeout_s:
            return True
        if not self._least or now < self._since + self._timeout_s:
            return False
        if self._moved < self._least:
            return True
        self._since = now
        self._moved = 0
        return False
