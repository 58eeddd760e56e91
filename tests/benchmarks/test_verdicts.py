"""Targets and verdicts."""

from __future__ import annotations

import math

import pytest

from bench.results import Outcome
from bench.verdicts import Verdict, judge, judge_all
from support.contests import DELAY, RATE, result, scenario
from support.scenario import Target


@pytest.mark.parametrize(
    ("measured", "verdict"), [(3.0, Verdict.REACHED), (2.9, Verdict.MET), (2.0, Verdict.MET), (1.9, Verdict.MISSED)]
)
def test_rate_is_held_to_a_least_ratio(measured: float, verdict: Verdict) -> None:
    """A ratio of rates meets its target from the limit on, and reaches the aim from there on."""
    came = result(scenario(), zmqlayer=[10 * measured], peer=[10.0])

    assert judge(came, Target(RATE.name, 2.0, 3.0, ("peer",))).verdict is verdict


@pytest.mark.parametrize(("measured", "verdict"), [(0.5, Verdict.REACHED), (1.0, Verdict.MET), (1.1, Verdict.MISSED)])
def test_delay_is_held_to_a_greatest_value(measured: float, verdict: Verdict) -> None:
    """Without a contestant to compare with, the median itself counts."""
    came = result(scenario(measures=(DELAY,)), zmqlayer=[measured])

    assert judge(came, Target(DELAY.name, 1.0, 0.5)).verdict is verdict


def test_aim_alone_is_reached_or_not() -> None:
    """A rate that must only not be negative is not praised for that."""
    came = result(scenario(), zmqlayer=[1.0])

    assert judge(came, Target(RATE.name, 0.0, 2.0)).verdict is Verdict.SHORT


def test_best_of_those_there_is_the_one_compared() -> None:
    """Of several the best counts, and those that are missing do not."""
    came = result(scenario(), zmqlayer=[30.0], slow=[5.0], fast=[10.0], absent=Outcome(missing="not installed"))

    judgement = judge(came, Target(RATE.name, 2.0, against=("slow", "fast", "absent")))

    assert (judgement.best, judgement.measured) == ("fast", 3.0)


@pytest.mark.parametrize("absent", ["zmqlayer", "peer"])
def test_nothing_measured_is_no_verdict(absent: str) -> None:
    """Without ours, or without anybody to compare with, the target stays open."""
    figures = {"zmqlayer": [1.0], "peer": [1.0], absent: Outcome(missing="not installed")}
    came = result(scenario(), **figures)  # type: ignore[arg-type]

    assert judge(came, Target(RATE.name, 1.0, against=("peer",))).verdict is Verdict.OPEN


def test_ratio_to_nothing_is_null_in_json() -> None:
    """JSON has no infinity."""
    came = result(scenario(measures=(DELAY,)), zmqlayer=[1.0], peer=[0.0])

    judgement = judge(came, Target(DELAY.name, 1.0, against=("peer",)))

    assert judgement.measured == math.inf
    assert judgement.to_dict()["measured"] is None


def test_all_targets_are_judged() -> None:
    """Every target of every scenario has a judgement, in order."""
    targets = (Target(RATE.name, 1.0), Target(RATE.name, 2.0))
    results = [result(scenario(name, targets=targets), zmqlayer=[1.5]) for name in ("a", "b")]

    verdicts = [(judgement.scenario.name, judgement.verdict) for judgement in judge_all(results)]

    assert verdicts == [(name, verdict) for name in "ab" for verdict in (Verdict.MET, Verdict.MISSED)]
