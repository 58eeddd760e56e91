"""
What processes of one benchmark tell each other beside the layer that is measured: numbers in shared memory.

Each process writes to a place of its own and reads all, so nothing is locked and no message is lost by looking.
"""

from __future__ import annotations

from multiprocessing import get_context
from typing import Any, Final

__all__ = ["Board", "Marks"]

MOST_MARKS: Final = 255
SPAWN: Final = get_context("spawn")


class Board:
    """
    How many messages each process has read. Give it to a new process as an argument.

    Args:
        processes: Those that read.
        lap: How often each of them reads one message: members of a group that it has.
        is_shared: One of them reads a message, not all.
    """

    def __init__(self, processes: int, lap: int = 1, *, is_shared: bool = False) -> None:
        self._counts: Any = SPAWN.RawArray("Q", processes)
        self._times: Any = SPAWN.RawArray("d", processes)
        self.lap = lap
        self.is_shared = is_shared

    def counts(self) -> memoryview[int]:
        """Return deliveries by process, to be read and written."""
        return memoryview(self._counts).cast("B").cast("Q")

    def times(self) -> memoryview[float]:
        """Return when each process read its last message, by ``time.perf_counter``, to be read and written."""
        return memoryview(self._times).cast("B").cast("d")

    def total(self) -> int:
        """Return deliveries, of all processes."""
        return sum(self._counts)

    def done(self) -> int:
        """Return how many messages are read by all who should."""
        return self.total() if self.is_shared else min(self._counts) // self.lap

    def has_all(self) -> bool:
        """Whether each process has read something."""
        return bool(min(self._counts) > 0)

    def last(self) -> float:
        """Return when the last message was read, by ``time.perf_counter``."""
        return float(max(self._times))

    def clear(self) -> None:
        """Begin anew, while no messages are under way."""
        for place in range(len(self._counts)):
            self._counts[place] = 0


class Marks:
    """
    Which messages, by their number, each process has read and how often. Give it to a new process as an argument.

    Args:
        room: Numbers are below it.
    """

    def __init__(self, processes: int, room: int) -> None:
        self._marks: Any = [SPAWN.RawArray("B", room) for _ in range(processes)]
        self.room = room

    def mark(self, place: int, number: int) -> None:
        """Note in process *place* that it read message *number*."""
        marks = self._marks[place]
        if marks[number] < MOST_MARKS:
            marks[number] += 1

    def tally(self, sent: int) -> tuple[int, int]:
        """Return how many of the first *sent* messages were read, and how many of them more than once."""
        times = list(map(sum, zip(*(bytes(memoryview(marks)[:sent]) for marks in self._marks), strict=True)))
        return sent - times.count(0), sent - times.count(0) - times.count(1)

    def clear(self) -> None:
        """Begin anew, while no messages are under way."""
        for marks in self._marks:
            memoryview(marks).cast("B")[:] = bytes(self.room)
