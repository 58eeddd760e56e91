"""
Where the delay server keeps messages: what it asks of a store, and the store in memory.

The store in the database is in :mod:`zmqlayer.worker.delay.database`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Protocol

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.ports import Clock
from zmqlayer.worker.delay.delayed import Delayed
from zmqlayer.worker.delay.schedule import Schedule

__all__ = ["MemoryStore", "Store", "StoreUnavailable"]

logger = logging.getLogger(__name__)


class StoreUnavailable(ZmqLayerError):
    """The store does not answer. It may later; asking again is safe."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the delayed messages cannot be reached: {self.problem}"


class Store(Protocol):
    """Keeps messages until they are due. Used by one thread."""

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be added now."""

    def add(self, delayed: Delayed, after_s: float) -> None:
        """
        Keep *delayed* for *after_s* seconds.

        Raises:
            StoreUnavailable: It may not have been stored.
            ScheduleFull: There is no room.
        """

    def take(self) -> Iterator[Delayed]:
        """
        Remove what is due, one by one, and yield it; what was yielded is nowhere else any more.

        Raises:
            StoreUnavailable: Nothing more can be removed now.
        """

    def wait_s(self) -> float | None:
        """Return in how many seconds to call :meth:`take` again; None if there is nothing to wait for."""

    def close(self) -> None:
        """Let go of what the store holds; called by the thread that used it."""


class MemoryStore:
    """
    Keeps messages in this process; they end with it.

    Args:
        clock: Monotonic seconds, so that a change of the wall clock changes nothing.
    """

    def __init__(self, clock: Clock, schedule: Schedule | None = None) -> None:
        self.clock = clock
        self.schedule = Schedule() if schedule is None else schedule

    def __repr__(self) -> str:
        return f"<MemoryStore of {self.schedule!r}>"

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be added now."""
        return self.schedule.is_full

    def add(self, delayed: Delayed, after_s: float) -> None:
        """
        Keep *delayed* for *after_s* seconds.

        Raises:
            ScheduleFull: There is no room.
        """
        self.schedule.add(self.clock() + after_s, delayed)

    def take(self) -> Iterator[Delayed]:
        """Remove what is due now and yield it."""
        now = self.clock()
        while delayed := self.schedule.take(now):
            yield delayed

    def wait_s(self) -> float | None:
        """Return in how many seconds the next message is due; None if none waits."""
        due_at = self.schedule.next_due()
        return None if due_at is None else max(0.0, due_at - self.clock())

    def close(self) -> None:
        """Say what is lost."""
        if self.schedule:
            logger.warning("%d delayed messages were held in memory only and are lost", len(self.schedule))
