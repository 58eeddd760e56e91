"""Figures and times in words."""

from __future__ import annotations

import math

import pytest

from bench.wording import duration, number, slug


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (441_234.4, "441,000"), (9_999.6, "10,000"), (1_234.5, "1,234"),
        (99.96, "100"), (12.345, "12.3"), (9.996, "10.0"), (1.234, "1.23"), (0.123, "0.12"),
        (0.01234, "0.012"), (0.0, "0"), (math.inf, "∞"),
    ],
)  # fmt: skip
def test_numbers_have_the_digits_that_count(value: float, text: str) -> None:
    """Large ones are rounded, small ones have two digits."""
    assert number(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (59.7, "1:00"), (605, "10:05"), (7_200, "120:00")])
def test_durations(seconds: float, text: str) -> None:
    """Minutes and seconds."""
    assert duration(seconds) == text


def test_slug() -> None:
    """A family's name becomes part of a file's."""
    assert slug("Group of 4 processes (25 each)") == "group-of-4-processes-25-each"
