"""The store in memory. The one in the database is in ``test_database.py``."""

from __future__ import annotations

import pytest

from support.delay_run import TimedLayer, delayed, numbers
from zmqlayer.worker.delay.schedule import Schedule
from zmqlayer.worker.delay.stores import MemoryStore


def test_it_keeps_until_due() -> None:
    """Time is that of the clock it was given, which is monotonic."""
    time = TimedLayer()
    store = MemoryStore(time.clock)
    store.add(delayed(1), 2.0)
    time.passed_s = 1.5

    assert (list(store.take()), store.wait_s()) == ([], 0.5)

    time.passed_s = 2.0
    assert numbers(list(store.take())) == [1]
    assert store.wait_s() is None


def test_it_never_waits_for_the_past() -> None:
    """What should have been sent already is due now."""
    time = TimedLayer()
    store = MemoryStore(time.clock)
    store.add(delayed(), 1.0)
    time.passed_s = 60.0

    assert store.wait_s() == 0.0


def test_it_is_as_full_as_its_schedule() -> None:
    """The worker asks before it takes more."""
    store = MemoryStore(TimedLayer().clock, Schedule(max_messages=1))

    assert not store.is_full
    store.add(delayed(), 1.0)
    assert store.is_full


def test_the_loss_has_a_number(caplog: pytest.LogCaptureFixture) -> None:
    """Memory ends with the process, and the log says what it held."""
    store = MemoryStore(TimedLayer().clock)
    store.close()
    store.add(delayed(), 1.0)

    assert not caplog.text
    store.close()
    assert "1 delayed messages were held in memory only and are lost" in caplog.text
