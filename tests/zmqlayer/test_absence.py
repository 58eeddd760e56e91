"""Absence: what may be old is known to be."""

from __future__ import annotations

from zmqlayer.absence import ABSENT_AFTER_S, SETTLE_S, Absence


def test_what_comes_to_a_node_that_runs_is_new() -> None:
    """Also at its first look, and if it looks once a second."""
    absence = Absence()

    assert [absence.look(now) for now in (100.0, 101.0, 101.0, 102.0, 102.0 + ABSENT_AFTER_S)] == [0.0] * 5


def test_after_an_absence_all_may_be_as_old() -> None:
    """For a moment, in which ZeroMQ brings in what the kernel kept; then everything is new again."""
    absence = Absence()
    absence.look(100.0)

    assert [absence.look(now) for now in (115.0, 115.5)] == [15.0, 15.5]
    assert absence.look(115.0 + SETTLE_S) == 0.0


def test_one_absence_after_the_other_counts_from_its_own_begin() -> None:
    """A process may be stopped again while it settles."""
    absence = Absence()
    absence.look(100.0)
    absence.look(110.0)

    assert absence.look(120.0) == 10.0
