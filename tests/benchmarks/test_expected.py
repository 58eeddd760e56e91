"""Bounds of a quick run."""

from __future__ import annotations

import json

import pytest

from bench.expected import Expected, compare, find_faults, narrow, read_expected
from bench.finding import find_scenarios
from bench.results import Outcome
from support.contests import RATE, absent, giving, result, scenario
from support.scenario import Target
from support.sources import ROOT

AT_LEAST = Expected("pair", RATE.name, against="peer", least=2.0)
NOTHING_LOST = Expected("pair", RATE.name, most=0.0)


def test_file_is_read() -> None:
    """Each object of the list is a bound."""
    text = json.dumps([{"scenario": "pair", "measure": RATE.name, "against": "peer", "least": 2.0}])

    assert read_expected(text) == (AT_LEAST,)


@pytest.mark.parametrize(
    "written",
    [
        {"scenario": "pair", "measure": "one way"},
        {"scenario": "pair", "measure": "one way", "least": 1, "most": 2},
        {"scenario": "pair", "measure": "one way", "lest": 1},
        {"scenario": "pair", "least": 1},
    ],
)
def test_wrong_bounds_are_refused(written: dict[str, object]) -> None:
    """A bound that could never fail is an error, and so is a key that does not exist."""
    with pytest.raises(ValueError, match="pair"):
        read_expected(json.dumps([written]))


def test_regression_is_named_with_value_and_limit() -> None:
    """Who reads it knows what, how much, what was asked and how to look closer."""
    comparison = compare([result(scenario(), zmqlayer=[15.0], peer=[10.0])], [AT_LEAST])

    assert list(comparison.regressed) == [AT_LEAST]
    assert comparison.describe() == (
        "REGRESSED  pair: one way, zmqlayer ÷ peer: 1.50, at least 2\nTo look closer at pair: make bench ARGS=pair"
    )


def test_kept_bounds_are_no_regression() -> None:
    """A value at its bound is kept."""
    came = [result(scenario(), zmqlayer=[0.0, 0.0], peer=[0.0, 0.0])]

    assert not compare(came, [NOTHING_LOST, Expected("pair", RATE.name, against="peer", least=1.0)]).regressed


def test_missing_contestants_are_skipped() -> None:
    """What cannot be compared is said, and is no regression."""
    came = [result(scenario(), zmqlayer=[15.0], peer=Outcome(missing="not installed"))]

    comparison = compare(came, [AT_LEAST])

    assert comparison.skipped == (AT_LEAST,)
    assert not comparison.regressed
    assert "skipped    pair" in comparison.describe()


def test_bounds_of_other_scenarios_do_not_count() -> None:
    """A run of some scenarios is held to their bounds only."""
    comparison = compare([result(scenario("other"), zmqlayer=[1.0])], [AT_LEAST])

    assert (comparison.measured, comparison.skipped) == ({}, ())


def test_quick_run_needs_only_who_is_named() -> None:
    """Contestants without a bound are not measured, nor scenarios without one; targets are for whole runs."""
    contestants = {"zmqlayer": giving({}), "peer": giving({}), "raw": absent}
    scenarios = [scenario(contestants=contestants, targets=(Target(RATE.name, 1.0),)), scenario("other")]

    (narrowed,) = narrow(scenarios, [AT_LEAST])

    assert (narrowed.name, list(narrowed.contestants)) == ("pair", ["zmqlayer", "peer"])
    assert not narrowed.targets


@pytest.mark.parametrize(
    ("bound", "fault"),
    [
        (AT_LEAST, ""),
        (Expected("pare", RATE.name, least=1.0), "no such scenario"),
        (Expected("slow", RATE.name, least=1.0), "not a quick scenario"),
        (Expected("pair", "p50", least=1.0), "no measure 'p50'"),
        (Expected("pair", RATE.name, "zmqlayr", least=1.0), "no contestant 'zmqlayr'"),
        (Expected("pair", RATE.name, against="pear", least=1.0), "no contestant 'pear'"),
    ],
)
def test_bounds_that_name_nothing_are_found(bound: Expected, fault: str) -> None:
    """A bound that would always be skipped says nothing about who is missing."""
    faults = find_faults([bound], [scenario(is_quick=True), scenario("slow")])

    assert [fault in told for told in faults] == ([True] if fault else [])


def test_committed_bounds_name_what_there_is() -> None:
    """Each bound is about a measure and contestants of its scenario."""
    scenarios = find_scenarios(ROOT / "benchmarks" / "scenarios")
    bounds = read_expected((ROOT / "benchmarks" / "expected.json").read_text(encoding="utf-8"))
    names = {each.name for each in scenarios}

    assert not find_faults([bound for bound in bounds if bound.scenario in names], scenarios)
