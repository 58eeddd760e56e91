"""The schedule: what is due, in which order, and how much it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.delay_run import delayed, numbers
from zmqlayer.worker.delay.delayed import Delayed
from zmqlayer.worker.delay.schedule import Schedule, ScheduleFull


def due(schedule: Schedule, now: float) -> list[Delayed]:
    """Take all that is due."""
    taken = []
    while message := schedule.take(now):
        taken.append(message)
    return taken


def test_nothing_is_due_early() -> None:
    """A message comes out at its time, and once."""
    schedule = Schedule()
    schedule.add(5.0, delayed(1))

    assert schedule.take(4.999) is None
    assert numbers(due(schedule, 5.0)) == [1]
    assert schedule.take(5.0) is None


def test_the_earliest_first() -> None:
    """Messages come out by time; those of one time in the order in which they were added."""
    schedule = Schedule()
    for number, due_at in enumerate([3.0, 1.0, 2.0, 1.0]):
        schedule.add(due_at, delayed(number))

    assert schedule.next_due() == 1.0
    assert numbers(due(schedule, 9.0)) == [1, 3, 2, 0]
    assert schedule.next_due() is None


def test_it_holds_so_many_messages() -> None:
    """One too many is refused by name; what was taken out makes room."""
    schedule = Schedule(max_messages=1)
    schedule.add(1.0, delayed())

    assert schedule.is_full
    with pytest.raises(ScheduleFull, match="1 messages of delayed messages are held in memory"):
        schedule.add(1.0, delayed())
    schedule.take(1.0)
    assert not schedule.is_full


def test_it_holds_so_many_bytes() -> None:
    """The message that reaches the limit is the last one."""
    schedule = Schedule(max_bytes=9)
    schedule.add(1.0, delayed())

    assert schedule.n_bytes == 9
    with pytest.raises(ScheduleFull, match="run rundelay without --memory"):
        schedule.add(1.0, delayed())
    schedule.take(1.0)
    assert schedule.n_bytes == 0


def test_it_says_how_it_stands() -> None:
    """The representation counts."""
    schedule = Schedule()
    schedule.add(1.0, delayed())

    assert repr(schedule) == "<Schedule [1 waiting, 9 bytes]>"


@given(st.lists(st.floats(0, 100), max_size=30), st.lists(st.floats(0, 100), max_size=10))
def test_whatever_is_added_comes_out_once_in_time(times: list[float], looks: list[float]) -> None:
    """At every look all that is due comes out, nothing else, by time; at the end nothing is left."""
    schedule = Schedule()
    for number, due_at in enumerate(times):
        schedule.add(due_at, delayed(number))

    left = set(range(len(times)))
    for now in sorted([*looks, 100.0]):
        came = numbers(due(schedule, now))
        assert came == sorted((n for n in left if times[n] <= now), key=lambda n: (times[n], n))
        left -= set(came)
    assert (left, schedule.n_bytes) == (set(), 0)
