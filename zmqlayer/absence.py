"""
Absence: how long what arrives may have waited because this process did not run. Pure; used by ``pump.py``.

A process that is stopped (SIGSTOP, a debugger, a machine that swaps) finds afterwards what the kernel took in for it:
its peers' connections are open, since the kernel answered. Frames do not say when they were sent, so all that comes in
the first moment may be as old as the absence was long, and lives so much shorter. ZeroMQ's own thread was away too, and
brings that in little by little.
"""

from __future__ import annotations

from typing import Final

__all__ = ["Absence"]

ABSENT_AFTER_S: Final = 2.0
"""A node that runs looks once a second at least."""
SETTLE_S: Final = 1.0


class Absence:
    """The last absence of one node, which looks at its sockets from time to time."""

    def __init__(self) -> None:
        self._looked_at = float("inf")
        self._since = 0.0
        self._settled_at = -float("inf")

    def look(self, now: float) -> float:
        """The node looks at what has arrived. Returns how many seconds ago that may have been sent, 0 if just now."""
        if now - self._looked_at > ABSENT_AFTER_S:
            self._since, self._settled_at = self._looked_at, now + SETTLE_S
        self._looked_at = now
        return now - self._since if now < self._settled_at else 0.0
