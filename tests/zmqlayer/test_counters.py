"""The counters: their names in a snapshot."""

from __future__ import annotations

from zmqlayer.counters import Counters


def test_a_fresh_node_has_counted_nothing() -> None:
    """Every counter is there from the start, at zero."""
    assert Counters().snapshot() == {"accepted": 0, "delivered": 0, "expired": 0, "refused": 0, "malformed": 0}


def test_drops_are_named_by_reason() -> None:
    """Drops stand behind the counters, each reason under its own name, in the order of the alphabet."""
    counters = Counters()
    counters.accepted += 3
    counters.dropped["peer gone"] += 2
    counters.dropped["flushed"] += 1

    snapshot = counters.snapshot()

    assert snapshot["accepted"] == 3
    assert list(snapshot.items())[-2:] == [("dropped: flushed", 1), ("dropped: peer gone", 2)]


def test_a_snapshot_stays_as_it_was() -> None:
    """What is counted later does not change what was read before."""
    counters = Counters()
    snapshot = counters.snapshot()

    counters.expired += 1
    counters.dropped["flushed"] += 1

    assert snapshot == Counters().snapshot()
