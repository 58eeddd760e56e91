"""Ratios that a quick run must not fall below or rise above, as ``expected.json`` has them. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from bench.results import Result
from bench.wording import number
from support.scenario import OURS, Scenario

__all__ = ["Comparison", "Expected", "compare", "find_faults", "narrow", "read_expected"]


@dataclass(frozen=True, slots=True)
class Expected:
    """
    One bound.

    Attributes:
        against: Whom the median of *ours* is divided by, round by round; empty for the median itself.
        least: It regressed if less was measured.
        most: It regressed if more was measured. One of the two is given.

    Raises:
        ValueError: Both are given, or none.
    """

    scenario: str
    measure: str
    ours: str = OURS
    against: str = ""
    least: float | None = None
    most: float | None = None

    def __post_init__(self) -> None:
        if (self.least is None) == (self.most is None):
            raise ValueError(f"{self.scenario}, {self.measure}: give least or most, and not both")

    @classmethod
    def from_dict(cls, written: Mapping[str, object]) -> Self:
        """
        Build it from an object of JSON.

        Raises:
            ValueError: A key is missing, or unknown.
        """
        try:
            return cls(**written)  # type: ignore[arg-type]
        except TypeError as exc:
            raise ValueError(f"{dict(written)}: {exc}") from exc

    def __str__(self) -> str:
        compared = f" ÷ {self.against}" if self.against else ""
        return f"{self.scenario}: {self.measure}, {self.ours}{compared}"

    @property
    def limit(self) -> str:
        """The bound in words."""
        return f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"

    def is_kept(self, measured: float) -> bool:
        """Return whether *measured* is on the right side of the bound."""
        return (self.least is None or measured >= self.least) and (self.most is None or measured <= self.most)

    def fault(self, scenario: Scenario) -> str:
        """Return what it names that *scenario* has not, or does not measure in a quick run; empty if nothing."""
        if not scenario.is_quick:
            return f"{self}: {scenario.name} is not a quick scenario"
        if self.measure not in {measure.name for measure in scenario.measures}:
            return f"{self}: there is no measure {self.measure!r}"
        strangers = {self.ours, self.against or self.ours} - set(scenario.contestants)
        return f"{self}: there is no contestant {min(strangers)!r}" if strangers else ""

    def measured(self, result: Result) -> float | None:
        """Return what counts of a result; None if it could not be had."""
        if self.against:
            return result.ratio(self.ours, self.against, self.measure)
        spread = result.spread(self.ours, self.measure)
        return spread.median if spread else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    How a run compares.

    Attributes:
        measured: All that could be compared, and what was measured.
        skipped: What could not, since somebody is missing or failed.
    """

    measured: Mapping[Expected, float]
    skipped: tuple[Expected, ...]

    @property
    def regressed(self) -> dict[Expected, float]:
        """What is on the wrong side of its bound."""
        return {expected: value for expected, value in self.measured.items() if not expected.is_kept(value)}

    def describe(self) -> str:
        """Return a line for each bound, and for what regressed how to look closer."""
        lines = [self._line(expected, value) for expected, value in self.measured.items()]
        lines += [f"skipped    {expected}: there is nothing to compare" for expected in self.skipped]
        for name in dict.fromkeys(expected.scenario for expected in self.regressed):
            lines.append(f"To look closer at {name}: make bench ARGS={name}")
        return "\n".join(lines)

    @staticmethod
    def _line(expected: Expected, value: float) -> str:
        return f"{'ok' if expected.is_kept(value) else 'REGRESSED':<10} {expected}: {number(value)}, {expected.limit}"


def read_expected(text: str) -> tuple[Expected, ...]:
    """
    Read the file.

    Raises:
        ValueError: It is no list of bounds.
    """
    return tuple(Expected.from_dict(written) for written in json.loads(text))


def find_faults(bounds: Iterable[Expected], scenarios: Iterable[Scenario]) -> list[str]:
    """Return what is wrong with bounds that could never be looked at, one sentence each."""
    by_name = {scenario.name: scenario for scenario in scenarios}
    faults = (
        bound.fault(by_name[bound.scenario]) if bound.scenario in by_name else f"{bound}: there is no such scenario"
        for bound in bounds
    )
    return [fault for fault in faults if fault]


def narrow(scenarios: Iterable[Scenario], bounds: Iterable[Expected]) -> list[Scenario]:
    """Return the scenarios that *bounds* name, each with the contestants that they name, and without targets."""
    named: dict[str, set[str]] = {}
    for bound in bounds:
        named.setdefault(bound.scenario, set()).update({bound.ours, bound.against})
    return [_only(scenario, named[scenario.name]) for scenario in scenarios if scenario.name in named]


def compare(results: Iterable[Result], bounds: Iterable[Expected]) -> Comparison:
    """Hold *results* to those bounds that are about them."""
    by_name = {result.scenario.name: result for result in results}
    about = {bound: bound.measured(by_name[bound.scenario]) for bound in bounds if bound.scenario in by_name}
    return Comparison(
        {bound: value for bound, value in about.items() if value is not None},
        tuple(bound for bound, value in about.items() if value is None),
    )


def _only(scenario: Scenario, names: Collection[str]) -> Scenario:
    contestants = {name: contestant for name, contestant in scenario.contestants.items() if name in names}
    return replace(scenario, contestants=contestants, targets=())
