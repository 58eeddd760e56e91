"""Median, spread, and ratios of rounds."""

from __future__ import annotations

import math

import pytest

from bench.figures import Spread, divide, median_ratio


def test_spread() -> None:
    """A spread has the median and both ends."""
    assert Spread.of([3.0, 1.0, 10.0]) == Spread(3.0, 1.0, 10.0)


def test_no_figures_have_no_spread() -> None:
    """Nothing measured is an error, not a zero."""
    with pytest.raises(ValueError, match="no figures"):
        Spread.of([])


def test_ratio_is_that_of_each_round() -> None:
    """A disturbance that hits both in one round leaves the ratio alone."""
    assert median_ratio([100.0, 10.0, 100.0], [50.0, 5.0, 50.0]) == 2.0


def test_rounds_are_compared_one_by_one() -> None:
    """Contestants with different numbers of rounds cannot be compared."""
    with pytest.raises(ValueError, match="shorter"):
        median_ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("ours", "theirs", "ratio"), [(3.0, 2.0, 1.5), (0.0, 0.0, 1.0), (1.0, 0.0, math.inf)])
def test_zeros_can_be_compared(ours: float, theirs: float, ratio: float) -> None:
    """Nothing lost is as good as nothing lost, and anything lost is infinitely more."""
    assert divide(ours, theirs) == ratio
