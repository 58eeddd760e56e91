"""How many connections each address has open, and who has too many. Pure."""

from __future__ import annotations

from collections import Counter
from enum import Enum, auto
from typing import Final

__all__ = ["Floods", "Verdict"]

SHUT_FACTOR: Final = 2
"""Up to how many times the limit an address is still told why it is turned away."""


class Verdict(Enum):
    """What becomes of a new connection."""

    ADMITTED = auto()
    TURNED_AWAY = auto()  # with 503
    SHUT = auto()  # without a word: even that would cost too much


class Floods:
    """
    The open connections of one server, counted by address.

    Args:
        limit: Connections of one address; 0 for any.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Floods [{self._open.total():,} connections of {len(self._open):,} addresses]>"

    def enter(self, address: str) -> Verdict:
        """Judge a new connection; unless it is shut, it counts until :meth:`leave`."""
        if not self._limit:
            return Verdict.ADMITTED
        if self._open[address] >= SHUT_FACTOR * self._limit:
            return Verdict.SHUT
        self._open[address] += 1
        return Verdict.ADMITTED if self._open[address] <= self._limit else Verdict.TURNED_AWAY

    def leave(self, address: str) -> None:
        """A connection that counted is closed."""
        if not self._limit:
            return
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
