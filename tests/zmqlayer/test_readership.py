"""Readership: who is known to read what, until when, and how much of it."""

from __future__ import annotations

from support.strategies import node
from zmqlayer.readership import REMEMBERED_S, Readership

ONE, TWO = node(1), node(2)


def test_a_channel_has_readers_until_the_last_is_gone() -> None:
    """Being gone twice, or without having read anything, changes nothing."""
    readership = Readership(10)
    readership.note(ONE, ("jobs", "mails"), 0.0)
    readership.note(TWO, ("jobs",), 0.0)
    known = []

    for peer in (ONE, ONE, TWO, node(3)):
        known.append(("jobs" in readership, "mails" in readership))
        readership.forget(peer)

    assert known == [(True, True), (True, False), (True, False), (False, False)]
    assert "jobs" not in readership


def test_a_reader_is_remembered_for_a_while() -> None:
    """From when its credit ended last."""
    readership = Readership(10)
    readership.note(ONE, ("jobs",), 0.0)
    readership.note(ONE, ("jobs",), 10.0)
    readership.note(TWO, ("jobs",), 5.0)
    known = []

    for at in (REMEMBERED_S, REMEMBERED_S + 9.9, REMEMBERED_S + 10.0):
        readership.sweep(at)
        known.append("jobs" in readership)

    assert known == [True, True, False]


def test_so_many_channels_are_remembered() -> None:
    """What is beyond the bound is not, and no channel that has one reader at all; known ones get more readers."""
    readership = Readership(2)
    readership.note(ONE, ("a", "body?1", "b", "c"), 0.0)
    readership.note(TWO, ("a",), 0.0)
    readership.forget(ONE)

    assert [channel in readership for channel in ("a", "b", "c", "body?1")] == [True, False, False, False]
