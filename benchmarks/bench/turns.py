"""The contestants of one scenario take turns."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final, Protocol

from bench.bounds import Overdue, within
from bench.results import Outcome, Result
from support.scenario import Contestant, Measure, Missing, Round, Scenario

__all__ = ["START_S", "Watcher", "planned_s", "run_scenario"]

START_S: Final = 2.0
"""About what it takes to start a contestant and to end it."""
WITHIN_S: Final = 120.0
WITHIN_TIMES: Final = 10.0


class Watcher(Protocol):
    """Who is told how the run goes."""

    def doing(self, scenario: Scenario, what: str, contestant: str) -> None:
        """Something begins."""

    def done(self, seconds: float) -> None:
        """It ended, for which so many seconds were planned."""

    def failed(self, scenario: Scenario, contestant: str, trace: str) -> None:
        """It ended in an exception."""


class Entrant:
    """
    One contestant of a scenario, which may turn out to be missing or to fail.

    Args:
        seconds: About what a round shall take.
        failed: Told of an exception, as a traceback.
    """

    def __init__(
        self,
        name: str,
        contestant: Contestant,
        measures: Sequence[Measure],
        seconds: float,
        failed: Callable[[str], None],
    ) -> None:
        self.name = name
        self._contestant = contestant
        self._seconds = seconds
        self._failed = failed
        self._stack = ExitStack()
        self._round: Round | None = None
        self._rounds: dict[str, list[float]] = {measure.name: [] for measure in measures}
        self._missing = ""
        self._error = ""

    @property
    def outcome(self) -> Outcome:
        """What came of it until now."""
        return Outcome(self._rounds if any(self._rounds.values()) else {}, self._missing, self._error)

    def enter(self) -> None:
        """Start all that it needs."""
        with self._guarded("on entry"):
            self._round = self._stack.enter_context(self._contestant(self._seconds))

    def warm_up(self) -> None:
        """Do the work once, unmeasured."""
        self._do("in the warm-up", lambda figures: None)

    def take_turn(self) -> None:
        """Do the work once."""
        self._do(f"in round {1 + len(next(iter(self._rounds.values())))}", self._keep)

    def leave(self) -> None:
        """End all that was started."""
        with self._guarded("on exit"):
            self._stack.close()

    def _do(self, when: str, keep: Callable[[Mapping[str, float]], None]) -> None:
        if self._round is not None and not self._error:
            with self._guarded(when):
                keep(self._round())

    def _keep(self, figures: Mapping[str, float]) -> None:
        checked = {name: _check(name, figures) for name in self._rounds}
        for name, figure in checked.items():
            self._rounds[name].append(figure)

    @contextmanager
    def _guarded(self, when: str) -> Iterator[None]:
        try:
            with within(WITHIN_S + WITHIN_TIMES * self._seconds):
                yield
        except Missing as exc:
            self._missing = str(exc)
        except (Exception, Overdue) as exc:  # noqa: BLE001 - whatever it is, the others go on, and the report has it
            self._error = self._error or f"{type(exc).__name__} {when}: {str(exc) or 'without a word'}"
            self._failed(traceback.format_exc())


def run_scenario(scenario: Scenario, rounds: int, seconds: float, watcher: Watcher) -> Result:
    """
    Let all contestants do the work in turns.

    Args:
        rounds: Measured ones of each, if the scenario does not want fewer.
        seconds: About what a round shall take.
    """
    entrants = [
        Entrant(name, contestant, scenario.measures, seconds, partial(watcher.failed, scenario, name))
        for name, contestant in scenario.contestants.items()
    ]

    def each(what: str, do: Callable[[Entrant], None], planned: float, order: Sequence[Entrant]) -> None:
        for entrant in order:
            watcher.doing(scenario, what, entrant.name)
            do(entrant)
            watcher.done(planned)

    count, has_warm_up = _rounds_of(scenario, rounds)
    try:
        each("start", Entrant.enter, START_S, entrants)
        if has_warm_up:
            each("warm-up", Entrant.warm_up, seconds, entrants)
        for number in range(count):
            order = entrants[::-1] if number % 2 else entrants  # nobody always follows the same one
            each(f"round {number + 1} of {count}", Entrant.take_turn, seconds, order)
    finally:
        for entrant in reversed(entrants):
            entrant.leave()
    return Result(scenario, {entrant.name: entrant.outcome for entrant in entrants})


def planned_s(scenario: Scenario, rounds: int, seconds: float) -> float:
    """Return how long it takes by plan."""
    count, has_warm_up = _rounds_of(scenario, rounds)
    return len(scenario.contestants) * (START_S + (count + has_warm_up) * seconds)


def _rounds_of(scenario: Scenario, rounds: int) -> tuple[int, bool]:
    """Return how many rounds are measured, and whether one goes before: what needs minutes has a single one."""
    count = min(rounds, scenario.rounds or rounds)
    return count, scenario.rounds != 1


def _check(name: str, figures: Mapping[str, float]) -> float:
    figure = float(figures[name])
    if not math.isfinite(figure):
        raise ValueError(f"{name} is {figure}")
    return figure
