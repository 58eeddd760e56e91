"""Readership: who is known to read what, until when, and how much of it."""

from __future__ import annotations

from support.strategies import node
from zmqlayer.readership import Readership

ONE, TWO = node(1), node(2)


def test_a_channel_has_readers_until_the_last_is_gone() -> None:
    """Being gone twice, or without having read anything, changes nothing."""
    readership = Readership(10)
    readership.note(ONE, ("jobs", "mails"))
    readership.note(TWO, ("jobs",))
    known = []

    for peer in (ONE, ONE, TWO, node(3)):
        known.append(("jobs" in readership, "mails" in readership))
        readership.forget(peer)

    assert known == [(True, True), (True, False), (True, False), (False, False)]
    assert "jobs" not in readership


def test_a_peer_is_remembered_for_so_many_channels() -> None:
    """What it reads beyond the bound is not known; other peers have bounds of their own."""
    readership = Readership(2)
    readership.note(ONE, ("a", "b", "c"))
    readership.note(TWO, ("d",))

    assert [channel in readership for channel in "abcd"] == [True, True, False, True]
