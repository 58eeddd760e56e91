"""Watching what changes by itself: steady values are reported, once each."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from zmqlayer.discovery.watch import MOST_LOOKS, watch


def reported(values: Iterable[int]) -> list[int]:
    """Return what is reported of *values*, one read after the other; it ends with them."""
    stopping, changes, left = threading.Event(), [], list(values)

    def read() -> int:
        value = left.pop(0)
        if not left:
            stopping.set()
        return value

    watch(stopping, read, changes.append, every_s=0.0)
    return changes


def test_nothing_is_reported_of_what_stays() -> None:
    """While the value is the same nobody is told."""
    assert reported([1, 1, 1, 1]) == []


def test_a_change_is_reported_when_it_is_steady() -> None:
    """A new value counts when a second look finds the same, and is told once."""
    assert reported([1, 2, 3, 4, 4, 4, 4]) == [4]


def test_a_change_that_is_taken_back_is_none() -> None:
    """A value that is the old one again by the second look is not told."""
    assert reported([1, 2, 1, 1, 1]) == []


def test_what_never_stays_is_reported_too() -> None:
    """After a few looks the latest value counts, steady or not."""
    last = 1 + 1 + MOST_LOOKS

    assert reported([*range(1, last + 1), last, last]) == [last]
