"""
Which message is due next: a heap by time. Pure: the caller says what time it is, in seconds of any clock.
"""

from __future__ import annotations

import heapq
from typing import Final

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.worker.delay.delayed import Delayed

__all__ = ["MAX_BYTES", "MAX_MESSAGES", "Schedule", "ScheduleFull"]

MAX_MESSAGES: Final = 100_000
MAX_BYTES: Final = 67_108_864


class ScheduleFull(ZmqLayerError):
    """
    The memory for delayed messages is used up; nothing was added.

    Attributes:
        limit: What was reached, in messages or bytes.
        unit: Which of the two.
    """

    def __init__(self, limit: int, unit: str) -> None:
        super().__init__(limit, unit)
        self.limit = limit
        self.unit = unit

    def __str__(self) -> str:
        return (
            f"{self.limit:,} {self.unit} of delayed messages are held in memory, which is the limit; "
            f"run rundelay without --memory to hold more in the database"
        )


class Schedule:
    """
    Messages by the time at which they are due; those due at the same time in the order they were added.

    Args:
        max_messages: How many it may hold.
        max_bytes: How many bytes of bodies; the message that reaches this is the last that is taken.
    """

    def __init__(self, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.n_bytes = 0
        self._heap: list[tuple[float, int, Delayed]] = []
        self._added = 0

    def __len__(self) -> int:
        return len(self._heap)

    def __repr__(self) -> str:
        return f"<Schedule [{len(self)} waiting, {self.n_bytes:,} bytes]>"

    @property
    def is_full(self) -> bool:
        """Whether :meth:`add` would refuse."""
        return len(self) >= self.max_messages or self.n_bytes >= self.max_bytes

    def add(self, due_at: float, delayed: Delayed) -> None:
        """
        Hold *delayed* until *due_at*.

        Raises:
            ScheduleFull: There is no room.
        """
        if len(self) >= self.max_messages:
            raise ScheduleFull(self.max_messages, "messages")
        if self.n_bytes >= self.max_bytes:
            raise ScheduleFull(self.max_bytes, "bytes")
        heapq.heappush(self._heap, (due_at, self._added, delayed))
        self._added += 1
        self.n_bytes += len(delayed.body)

    def take(self, now: float) -> Delayed | None:
        """Remove and return the message that has been due longest, or None if none is due."""
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, delayed = heapq.heappop(self._heap)
        self.n_bytes -= len(delayed.body)
        return delayed

    def next_due(self) -> float | None:
        """Return when the next message is due, or None if none waits."""
        return self._heap[0][0] if self._heap else None
