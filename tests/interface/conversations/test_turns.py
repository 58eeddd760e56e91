"""Whose turn it is."""

from __future__ import annotations

from zmqlayer.interface.conversations.turns import Turns


def test_a_worker_that_tells_is_waited_for() -> None:
    """The next message goes when the consumer of the one before has ended."""
    turns = Turns(is_parallel=False)
    turns.sent(0)
    assert not turns.is_free

    turns.answered(-1)
    assert not turns.is_free
    turns.answered(0)
    assert turns.is_free
    turns.sent(1)
    assert not turns.is_free
    assert repr(turns) == "<Turns [1 sent, 0 told]>"


def test_a_worker_that_does_not_tell_is_not_waited_for() -> None:
    """Its answer is all that it will ever say; that of another one may say more."""
    turns = Turns(is_parallel=False)
    turns.sent(0)

    turns.answered(None)
    assert turns.is_free
    assert not turns.are_taken
    turns.sent(1)
    turns.answered(0)
    assert not turns.is_free
    assert turns.are_taken


def test_what_is_told_late_takes_nothing_back() -> None:
    """Two workers may tell in any order."""
    turns = Turns(is_parallel=False)
    turns.answered(2)
    turns.sent(2)

    turns.answered(1)

    assert turns.is_free


def test_waiting_ends_when_nobody_will_tell() -> None:
    """Until the next message."""
    turns = Turns(is_parallel=False)
    turns.answered(0)
    turns.sent(1)

    turns.give_up()
    assert turns.is_free
    turns.sent(2)
    assert not turns.is_free


def test_without_turns_nobody_waits() -> None:
    """From the start, or from the stop of the server on."""
    assert Turns(is_parallel=True).is_free
    turns = Turns(is_parallel=False)
    turns.end()
    assert turns.is_free
    assert not turns.are_taken


def test_what_is_consumed_is_known_where_turns_are_taken() -> None:
    """Workers may rely on it; a server that stops waiting still knows what it knew."""
    turns = Turns(is_parallel=False)
    assert turns.consumed is None

    turns.answered(3)
    turns.end()

    assert turns.consumed == 3


def test_without_turns_what_is_consumed_says_nothing() -> None:
    """The messages before the last one that is consumed may be with other workers."""
    turns = Turns(is_parallel=True)

    turns.answered(3)

    assert turns.consumed is None
