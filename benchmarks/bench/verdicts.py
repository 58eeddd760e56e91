"""Targets, and whether they are met. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bench.results import Result
from support.scenario import Scenario, Target

__all__ = ["Judgement", "Verdict", "is_no_limit", "judge", "judge_all"]


class Verdict(Enum):
    """How a target stands."""

    REACHED = "aim reached"
    MET = "met"
    MISSED = "MISSED"
    SHORT = "short of the aim"
    """There is only an aim."""
    OPEN = "not measured"


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    One target, and what was measured.

    Attributes:
        measured: The ratio or the value that counts; None if it could not be had.
        best: Whom ours was compared with; empty if the target is a value, or nobody could be compared with.
    """

    scenario: Scenario
    target: Target
    is_rate: bool
    unit: str
    measured: float | None
    best: str
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON, where infinity is null."""
        is_finite = self.measured is not None and math.isfinite(self.measured)
        return {
            "scenario": self.scenario.name,
            "measure": self.target.measure,
            "unit": self.unit,
            "ours": self.target.ours,
            "against": list(self.target.against),
            "best": self.best,
            "is_least": self.is_rate,
            "limit": self.target.limit,
            "aim": self.target.aim,
            "measured": self.measured if is_finite else None,
            "verdict": self.verdict.value,
        }


def judge_all(results: Iterable[Result]) -> list[Judgement]:
    """Judge every target of every scenario, in order."""
    return [judge(result, target) for result in results for target in result.scenario.targets]


def judge(result: Result, target: Target) -> Judgement:
    """Hold *result* to *target*."""
    measure = result.measure(target.measure)
    best = result.best(target.against, target.measure) or ""
    measured: float | None = None
    if best:
        measured = result.ratio(target.ours, best, target.measure)
    elif not target.against and (spread := result.spread(target.ours, target.measure)):
        measured = spread.median
    verdict = _verdict(measured, target, measure.is_rate)
    return Judgement(result.scenario, target, measure.is_rate, measure.unit, measured, best, verdict)


def _verdict(measured: float | None, target: Target, is_rate: bool) -> Verdict:
    if measured is None:
        return Verdict.OPEN
    if target.aim is not None and _is_within(measured, target.aim, is_rate):
        return Verdict.REACHED
    if is_no_limit(target, is_rate):
        return Verdict.SHORT
    return Verdict.MET if _is_within(measured, target.limit, is_rate) else Verdict.MISSED


def is_no_limit(target: Target, is_rate: bool) -> bool:
    """Return whether anything is within the limit, so that only the aim counts."""
    return is_rate and target.limit <= 0


def _is_within(measured: float, limit: float, is_rate: bool) -> bool:
    return measured >= limit if is_rate else measured <= limit
