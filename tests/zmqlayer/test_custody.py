"""Custody: whose loss is told, why, and once."""

from __future__ import annotations

from collections.abc import Hashable

from support.strategies import node
from zmqlayer.custody import Custody
from zmqlayer.ports import Loss

PEER, OTHER = node(1), node(2)


class Losses(list[tuple[Hashable, Loss]]):
    """What was told of a custody of three messages at most."""

    def __init__(self) -> None:
        self.rooms = 0
        self.custody = Custody(3, lambda token, loss: self.append((token, loss)), self._room)

    def _room(self) -> None:
        self.rooms += 1


def test_what_expires_in_the_queue_is_told() -> None:
    """Once, and it is watched no more; what nobody watches is nobody's loss."""
    losses = Losses()
    losses.custody.watch(1, "a")

    for number in (1, 1, 2):
        losses.custody.expired(number)

    assert losses == [("a", Loss.EXPIRED)]
    assert len(losses.custody) == 0


def test_who_forgets_is_told_which_message_it_was() -> None:
    """While it is watched."""
    losses = Losses()
    losses.custody.watch(7, "a")

    assert [losses.custody.forget("a"), losses.custody.forget("a"), losses.custody.forget("b")] == [7, None, None]


def test_what_a_peer_has_goes_with_it() -> None:
    """All that was handed to it, and nothing that another has, or that waits here."""
    losses = Losses()
    for number, token in enumerate("abc"):
        losses.custody.watch(number, token)
    losses.custody.handed(0, PEER, 7)
    losses.custody.handed(1, OTHER, 7)

    losses.custody.peer_gone(PEER)
    losses.custody.peer_gone(PEER)

    assert losses == [("a", Loss.READER_GONE)]


def test_what_never_came_is_told() -> None:
    """The places in the sequence that a peer missed say which messages these were; saying it twice changes nothing."""
    losses = Losses()
    for number, token in enumerate("abc"):
        losses.custody.watch(number, token)
        losses.custody.handed(number, PEER, 10 + number)

    losses.custody.missed(PEER, 11, 12)
    losses.custody.missed(PEER, 11, 12)
    losses.custody.missed(OTHER, 1, 100)

    assert losses == [("b", Loss.READER_GONE), ("c", Loss.READER_GONE)]


def test_what_is_given_back_is_watched_on() -> None:
    """The one that gave it back may go; a message that it never had cannot be given back by it."""
    losses = Losses()
    losses.custody.watch(1, "a")
    losses.custody.handed(1, PEER, 7)

    losses.custody.returned(1, OTHER)
    losses.custody.returned(1, PEER)
    losses.custody.returned(2, PEER)
    losses.custody.peer_gone(PEER)
    losses.custody.handed(1, OTHER, 3)
    losses.custody.peer_gone(OTHER)

    assert losses == [("a", Loss.READER_GONE)]


def test_what_is_forgotten_is_no_loss() -> None:
    """Wherever it is; forgetting twice, or after the loss, changes nothing."""
    losses = Losses()
    for number, token in enumerate("ab"):
        losses.custody.watch(number, token)
        losses.custody.handed(number, PEER, 1 + number)

    losses.custody.forget("a")
    losses.custody.forget("a")
    losses.custody.peer_gone(PEER)
    losses.custody.forget("b")

    assert losses == [("b", Loss.READER_GONE)]


def test_unwatched_messages_pass() -> None:
    """What is handed over without being watched leaves nothing."""
    losses = Losses()

    losses.custody.handed(9, PEER, 1)
    losses.custody.peer_gone(PEER)

    assert losses == []


def test_custody_has_a_bound() -> None:
    """It says when it is full, and when there is room again."""
    losses = Losses()
    for number in range(3):
        losses.custody.watch(number, number)
    was_full = losses.custody.is_full

    for number in (1, 2):
        losses.custody.forget(number)

    assert (was_full, losses.custody.is_full) == (True, False)
    assert losses.rooms == 1
