"""
What clients did that they should not, counted by kind. Pure; time is passed in.

The log tells of the first of each kind, and then once a minute how many more there were: a hostile client can fill a
counter, not a disk. It tells an address and a kind, and never what the client sent.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final

__all__ = ["Faults"]

logger = logging.getLogger("zmqlayer.interface")

QUIET_S: Final = 60.0


class Faults:
    """
    The faults of clients of one server.

    Attributes:
        counts: How often each kind happened since the start.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._told: dict[str, tuple[float, int]] = {}

    def __repr__(self) -> str:
        return f"<Faults [{', '.join(f'{kind}: {count:,}' for kind, count in sorted(self.counts.items())) or 'none'}]>"

    def note(self, kind: str, client: str, now: float) -> None:
        """
        Count one fault.

        Args:
            kind: A few fixed words, like ``"headers too large"``; never a part of what the client sent.
            client: Its address, or ``-``.
            now: Seconds, on any clock that goes forward.
        """
        self.counts[kind] += 1
        told_at, told = self._told.get(kind, (float("-inf"), 0))
        if now - told_at >= QUIET_S:
            count = self.counts[kind]
            self._told[kind] = (now, count)
            logger.warning("refused a client at %s: %s (%d since then, %d in all)", client, kind, count - told, count)
