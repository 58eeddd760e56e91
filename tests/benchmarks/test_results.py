"""What came of a scenario."""

from __future__ import annotations

import json

import pytest

from bench.results import Outcome, Result
from support.contests import DELAY, RATE, result, scenario


@pytest.mark.parametrize(("measure", "best"), [(RATE, "fast"), (DELAY, "slow")])
def test_best_is_most_of_a_rate_and_least_of_a_delay(measure: object, best: str) -> None:
    """Of rates the greatest median is best, of others the least."""
    came = result(scenario(measures=(measure,)), fast=[9.0, 10.0, 90.0], slow=[2.0, 11.0, 1.0])  # type: ignore[arg-type]

    assert came.best(["fast", "slow"], measure.name) == best  # type: ignore[attr-defined]


def test_who_failed_is_not_compared() -> None:
    """A contestant that failed in its second round has no figures that count."""
    came = result(scenario(), zmqlayer=[1.0, 1.0], peer=Outcome({RATE.name: [5.0]}, error="it fell over"))

    assert came.ratio("zmqlayer", "peer", RATE.name) is None
    assert came.best(["peer"], RATE.name) is None
    assert came.errors == {"peer": "it fell over"}


def test_outcomes_come_back_from_json() -> None:
    """What is written can be read again, those that are missing too."""
    came = result(scenario(), zmqlayer=[1.0, 2.0], peer=Outcome(missing="not installed"))

    written = json.loads(json.dumps(came.to_dict()))

    assert Result.outcomes_of(written) == came.outcomes


def test_json_has_the_medians() -> None:
    """Who reads the file need not compute them."""
    came = result(scenario(), zmqlayer=[1.0, 2.0, 30.0])

    assert came.to_dict()["contestants"]["zmqlayer"]["median"] == {RATE.name: 2.0}
