"""Faults of clients: counted each time, told once a minute."""

from __future__ import annotations

import pytest

from zmqlayer.interface.faults import Faults


def test_each_fault_is_counted() -> None:
    """By kind."""
    faults = Faults()

    for kind in ("headers too large", "bad path", "bad path"):
        faults.note(kind, "10.0.0.9", 0.0)

    assert faults.counts == {"headers too large": 1, "bad path": 2}
    assert repr(faults) == "<Faults [bad path: 2, headers too large: 1]>"


def test_the_log_tells_of_the_first_and_then_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """With the number of those that it did not tell of."""
    faults = Faults()

    for now in (0.0, 1.0, 59.9, 60.0, 61.0):
        faults.note("bad path", "10.0.0.9", now)

    assert caplog.messages == [
        "refused a client at 10.0.0.9: bad path (1 since then, 1 in all)",
        "refused a client at 10.0.0.9: bad path (3 since then, 4 in all)",
    ]
