"""Watching what changes by itself: steady values are reported, once each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

import pytest

from zmqlayer.discovery.watch import MOST_LOOKS, watch

FULL = OSError(24, "Too many open files")


def look(values: Iterable[int | OSError], changed: Callable[[int], None]) -> None:
    """Watch *values*, one read after the other, until they end; an error is raised."""
    stopping, left = threading.Event(), list(values)

    def read() -> int:
        value = left.pop(0)
        if not left:
            stopping.set()
        if isinstance(value, OSError):
            raise value
        return value

    watch(stopping, read, changed, every_s=0.0)


def reported(values: Iterable[int | OSError]) -> list[int]:
    """Return what is reported of *values*."""
    changes: list[int] = []
    look(values, changes.append)
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


def test_a_look_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """The first of several failures is told, and that it works again; what was seen before stands meanwhile."""
    with caplog.at_level(logging.INFO, "zmqlayer.discovery"):
        assert reported([1, FULL, FULL, 1, 2, FULL, 2, 2, 2]) == [2]

    assert [(record.levelname, record.getMessage()) for record in caplog.records][:2] == [
        (
            "WARNING",
            "this machine's network interfaces cannot be followed: [Errno 24] Too many open files; it is tried again "
            "every 0 s",
        ),
        ("INFO", "this machine's network interfaces can be followed again"),
    ]
    assert len(caplog.records) == 4


def test_without_a_first_look_the_next_one_is_news() -> None:
    """Nobody knows what was there before."""
    assert reported([FULL, 1, 1, 1]) == [1]


def test_a_change_that_cannot_be_followed_is_told_again() -> None:
    """Until it works."""
    attempts: list[int] = []

    def follow(value: int) -> None:
        attempts.append(value)
        if len(attempts) < 3:
            raise FULL

    look([1, *[2] * 9], follow)

    assert attempts == [2, 2, 2]
