"""Says on a terminal how the run goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from bench.wording import duration
from support.scenario import Scenario

__all__ = ["Progress"]


class Progress:
    """
    A :class:`bench.turns.Watcher`: one line that changes on a terminal, one line per scenario elsewhere.

    Args:
        stream: Where it writes.
        scenarios: How many there are.
        planned: Seconds that all takes by plan.
        clock: Monotonic seconds.
    """

    def __init__(self, stream: IO[str], scenarios: int, planned: float, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._scenarios = scenarios
        self._planned_s = planned
        self._done_s = 0.0
        self._clock = clock
        self._begun = clock()
        self._seen: list[str] = []

    @property
    def remaining_s(self) -> float:
        """What is left of the plan, at the pace until now."""
        left = max(0.0, self._planned_s - self._done_s)
        return left * (self._elapsed_s / self._done_s if self._done_s else 1.0)

    def doing(self, scenario: Scenario, what: str, contestant: str) -> None:
        """Something begins."""
        is_new = scenario.name not in self._seen
        if is_new:
            self._seen.append(scenario.name)
        place = f"[{len(self._seen)}/{self._scenarios}] {scenario.name}"
        times = f"{duration(self._elapsed_s)} gone, about {duration(self.remaining_s)} left"
        if self._stream.isatty():
            self._stream.write(f"\r\x1b[K{f'{place}: {what}, {contestant}':<70.70} {times}")
        elif is_new:
            self._stream.write(f"{place}: {scenario.title} ({times})\n")
        self._stream.flush()

    def done(self, seconds: float) -> None:
        """It ended, for which so many seconds were planned."""
        self._done_s += seconds

    def failed(self, scenario: Scenario, contestant: str, trace: str) -> None:
        """It ended in an exception."""
        self._clear()
        self._stream.write(f"{scenario.name}: {contestant} FAILED\n{trace}\n")

    def finish(self) -> None:
        """Leave the terminal as it was."""
        self._clear()
        self._stream.flush()

    def _clear(self) -> None:
        if self._stream.isatty():
            self._stream.write("\r\x1b[K")

    @property
    def _elapsed_s(self) -> float:
        return self._clock() - self._begun
