"""
A crowd of WebSocket clients in one room: what each says, all hear.

A message is its number, in a text of 64 bytes. What a line hears is kept, so that it shows what got lost, and what came
twice counts once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from support.lines import Line, Poll, without_collections

__all__ = ["Crowd", "Heard"]

PATIENCE_S: Final = 2.0
"""What is not there when nothing came for so long is lost."""
DIGITS: Final = 8
PADDING: Final = b"." * 56


@dataclass(frozen=True, slots=True)
class Heard:
    """
    What came of some messages.

    Attributes:
        said: How many.
        deliveries: How many were heard, by how many lines each.
        seconds: From the first word to the last delivery.
        last_s: Of each message that all heard, from when it was said until the last line heard it.
        client_s: Processor time of this process.
    """

    said: int
    lines: int
    deliveries: int
    seconds: float
    last_s: Sequence[float]
    client_s: float

    @property
    def lost(self) -> int:
        """Deliveries that did not come."""
        return self.said * self.lines - self.deliveries


class Crowd:
    """
    All lines of a room, for one use.

    Args:
        lines: Open, and in the room.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._heard: dict[Line, list[int]] = {line: [] for line in lines}
        self._said: list[float] = []
        self._last: list[float] = []
        self._own: dict[Line, int] = {}
        self._now = 0.0

    def burst(self, seconds: float) -> Heard:
        """For so long let each line speak again as soon as it has heard itself; then wait for the rest."""

        def speak_again(line: Line, heard: list[int]) -> None:
            if self._now < self._begun + seconds and self._own[line] in heard:
                self._say(line)

        return self._listen(self._lines, speak_again, lambda: None)

    def paced(self, seconds: float, per_second: float) -> Heard:
        """For so long let one line after the other speak, so many times a second; then wait for the rest."""

        def speak_in_time() -> float | None:
            number = len(self._said)
            due = self._begun + number / per_second
            if due > self._begun + seconds:
                return None
            if due > self._now:
                return due
            self._say(self._lines[number % len(self._lines)])
            return self._now

        return self._listen((), lambda line, heard: None, speak_in_time)

    def _listen(
        self,
        first: Sequence[Line],
        heard: Callable[[Line, list[int]], None],
        speak: Callable[[], float | None],
    ) -> Heard:
        """
        Hear until all is heard that was said, or nothing more comes.

        Args:
            first: Speak at once.
            heard: Told of what a line heard.
            speak: May say something; returns when to be called again, or None for never.
        """
        client_s = time.process_time()
        with without_collections(), Poll(self._lines) as poll:
            self._begun = self._now = time.perf_counter()
            last_at, n_heard = self._begun, 0
            for line in first:
                self._say(line)
            while (due := speak()) is not None or n_heard < len(self._said) * len(self._lines):
                readable = poll.readable(PATIENCE_S if due is None else due - self._now)
                self._now = time.perf_counter()
                if not readable and due is None:
                    break
                for line in readable:
                    numbers = self._hear(line)
                    n_heard, last_at = n_heard + len(numbers), self._now
                    heard(line, numbers)
        return self._result(last_at - self._begun, time.process_time() - client_s)

    def _say(self, line: Line) -> None:
        number = len(self._said)
        self._own[line] = number
        self._said.append(self._now)
        self._last.append(0.0)
        line.send(b"%0*d%b" % (DIGITS, number, PADDING))

    def _hear(self, line: Line) -> list[int]:
        numbers = [int(text[:DIGITS]) for text in line.read()]
        self._heard[line] += numbers
        for number in numbers:
            self._last[number] = self._now
        return numbers

    def _result(self, seconds: float, client_s: float) -> Heard:
        heard = [set(numbers) for numbers in self._heard.values()]
        by_all = set.intersection(*heard)
        last_s = [self._last[number] - self._said[number] for number in sorted(by_all)]
        return Heard(len(self._said), len(self._lines), sum(map(len, heard)), seconds, last_s, client_s)
