"""What the rounds of one contestant come to: median, spread, and the ratio to another's. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

__all__ = ["Spread", "divide", "median_ratio"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of some figures."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Self:
        """
        Sum *figures* up.

        Raises:
            ValueError: There are none.
        """
        if not figures:
            raise ValueError("no figures have no median")
        return cls(statistics.median(figures), min(figures), max(figures))


def divide(ours: float, theirs: float) -> float:
    """Return ours ÷ theirs; of two zeros 1, and infinity where only theirs is 0."""
    if theirs == 0:
        return 1.0 if ours == 0 else math.inf
    return ours / theirs


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """
    Return the median of each round's ratio: what disturbs one mostly disturbs its neighbour too.

    Raises:
        ValueError: They have not as many rounds, or none.
    """
    ratios = [divide(a, b) for a, b in zip(ours, theirs, strict=True)]
    return Spread.of(ratios).median
