"""
The transport of a node that is alone: no sockets, nobody to hear it, nobody to hear.

Everything else of the node is as in production, so what a test sees of capacity, expiry, groups and names is what the
mesh does. Used by ``compose.py`` for ``InMemoryChannelLayer``.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Final

from zmqlayer.actions import Action
from zmqlayer.ports import Refusal

__all__ = ["SoloTransport"]

LONGEST_S: Final = 60.0


class SoloTransport:
    """
    Carries nothing; see :class:`zmqlayer.ports.Transport`.

    Args:
        n_doors: How many the node has, by its secrets.
    """

    def __init__(self, n_doors: int) -> None:
        self.lost: Counter[str] = Counter()
        self._n_doors = n_doors
        self._bell = threading.Event()

    def open(self) -> list[tuple[int, int]]:
        """Return ports that nobody can dial."""
        return [(0, 0)] * self._n_doors

    def poll(self, timeout_s: float) -> tuple[list[bytes], list[bytes]]:
        """Sleep until it is time, or the bell rings. Nothing ever arrives."""
        if self._bell.wait(min(max(0.0, timeout_s), LONGEST_S)):
            self._bell.clear()
        return [], []

    def probed(self) -> list[tuple[str, bool]]:
        """Return nothing: nobody is probed."""
        return []

    def refusals(self) -> list[Refusal]:
        """Return nothing: nobody knocks."""
        return []

    def carry_out(self, actions: Iterable[Action]) -> None:
        """Do nothing: what the mesh wants done is for others."""

    def wake(self) -> None:
        """End :meth:`poll` early."""
        self._bell.set()

    def disown(self) -> None:
        """Do nothing: a child inherits no connections."""

    def close(self, linger_s: float) -> None:
        """Do nothing: there is nothing to close."""
