"""Scenarios and contestants of benchmarks that measure nothing: figures are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from bench.results import Outcome, Result
from support.scenario import Contestant, Measure, Missing, Round, Scenario

RATE: Final = Measure("one way", "messages/s", is_rate=True)
DELAY: Final = Measure("p99", "ms")


def giving(*figures: Mapping[str, float]) -> Contestant:
    """Return a contestant that gives these in turns, over and over."""

    @contextmanager
    def entered(seconds: float) -> Iterator[Round]:
        numbers = iter(range(1_000))
        yield lambda: figures[next(numbers) % len(figures)]

    return entered


def raising(error: BaseException) -> Contestant:
    """Return a contestant whose rounds all fail."""

    @contextmanager
    def entered(seconds: float) -> Iterator[Round]:
        def fail() -> Mapping[str, float]:
            raise error

        yield fail

    return entered


@contextmanager
def absent(seconds: float) -> Iterator[Round]:
    """Be a contestant that is not installed."""
    raise Missing("no peer here: apt-get install peer")
    yield


def scenario(name: str = "pair", measures: Sequence[Measure] = (RATE,), **given: Any) -> Scenario:
    """Return a scenario of those measures."""
    contestants = given.pop("contestants", {"zmqlayer": giving({}), "peer": giving({})})
    return Scenario(name, f"What {name} does", given.pop("family", name), tuple(measures), contestants, **given)


def result(of: Scenario, **figures: Sequence[float] | Outcome) -> Result:
    """Return a result whose contestants have those figures of the only measure, or that outcome."""
    measure = of.measures[0].name
    outcomes = {
        name: rounds if isinstance(rounds, Outcome) else Outcome({measure: rounds}) for name, rounds in figures.items()
    }
    return Result(of, outcomes)


class Silent:
    """A :class:`bench.turns.Watcher` that remembers what was done, and what failed."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.traces: list[str] = []
        self.seconds = 0.0

    def doing(self, scenario: Scenario, what: str, contestant: str) -> None:
        self.steps.append(f"{what}: {contestant}")

    def done(self, seconds: float) -> None:
        self.seconds += seconds

    def failed(self, scenario: Scenario, contestant: str, trace: str) -> None:
        self.traces.append(trace)
