"""
The transport of a node that is alone: no sockets, nobody to hear it, nobody to hear.

Everything else of the node is as in production, so what a test sees of capacity, expiry, groups and names is what the
mesh does. Used by ``compose.py`` for ``InMemoryChannelLayer``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from zmqlayer.actions import Action
from zmqlayer.bell import Bell
from zmqlayer.descriptors import Descriptors
from zmqlayer.ports import Refusal

__all__ = ["SoloTransport"]


class SoloTransport:
    """
    Carries nothing; see :class:`zmqlayer.ports.Transport`.

    Args:
        n_doors: How many the node has, by its secrets.
    """

    def __init__(self, n_doors: int) -> None:
        self.lost: Counter[str] = Counter()
        self.has_input = False
        self._n_doors = n_doors

    def open(self, *, in_batches: bool = False) -> list[tuple[int, int]]:
        """Return ports that nobody can dial."""
        self._descriptors = Descriptors()
        self._bell = Bell(self._descriptors)
        return [(0, 0)] * self._n_doors

    def fileno(self) -> int:
        """Return the descriptor of the bell."""
        return self._descriptors.fileno()

    def wait(self, timeout_s: float) -> AbstractSet[int]:
        """Sleep until it is time, or the bell rings."""
        return self._descriptors.ready(timeout_s)

    def peek(self) -> AbstractSet[int]:
        """Return nothing: there is nothing but the bell."""
        return frozenset()

    def collect(self, ready: AbstractSet[int]) -> tuple[list[bytes], list[bytes]]:
        """Return nothing: nothing ever arrives."""
        self._bell.hush(ready)
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
        """End :meth:`wait` early."""
        self._bell.ring()

    def disown(self) -> None:
        """Close what a child inherited: there are no connections."""
        self._bell.disown()
        self._descriptors.close()

    def close(self, linger_s: float) -> None:
        """Close the bell: there is nothing else."""
        self._bell.close()
        self._descriptors.close()
