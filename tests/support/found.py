"""A discovery listener that remembers what it was told and lets a test wait for it, with a bound."""

from __future__ import annotations

import threading
from collections.abc import Callable

from zmqlayer.ports import Candidate

WITHIN_S = 5.0


class FoundListener:
    """Keeps the candidates that stand, and how often discovery settled."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.candidates: list[Candidate] = []
        self.settled_count = 0
        self.hosts: tuple[str, ...] = ()

    def found(self, candidate: Candidate) -> None:
        with self._changed:
            self.candidates.append(candidate)
            self._changed.notify_all()

    def lost(self, candidate: Candidate) -> None:
        with self._changed:
            self.candidates.remove(candidate)
            self._changed.notify_all()

    def moved(self, hosts: tuple[str, ...]) -> None:
        with self._changed:
            self.hosts = hosts
            self._changed.notify_all()

    def settled(self) -> None:
        with self._changed:
            self.settled_count += 1
            self._changed.notify_all()

    def wait(self, is_so: Callable[[FoundListener], bool]) -> bool:
        """Wait until *is_so*, and return whether it became so in time."""
        with self._changed:
            return self._changed.wait_for(lambda: is_so(self), WITHIN_S)

    def wait_settled(self) -> bool:
        return self.wait(lambda listener: listener.settled_count > 0)
