"""
What the core tells its node: someone can read now, a request is over, a peer came or went, what was asked for, and
what is for the log.

Values only.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.journal import Said
from zmqlayer.names import NodeId
from zmqlayer.peers import PeerInfo, PeerState
from zmqlayer.ports import Loss, Standing
from zmqlayer.queues import Letter
from zmqlayer.rooms import Bound

__all__ = [
    "Completed",
    "Ended",
    "Event",
    "Handed",
    "InboxKey",
    "Interest",
    "Joined",
    "Lost",
    "Notice",
    "PeerChanged",
    "Readable",
    "Room",
    "Spread",
]

InboxKey = str | tuple[str, ...]
"""What a receiver waits for: a process channel, a prefix of them, or a set of named channels."""


class Interest:
    """
    The channels that one receiver wants, sorted out.

    Attributes:
        own: Process channels of this node, and prefixes of them.
        named: All others, sorted: read by credit.
        keys: Both, as inboxes.
        keys_in_turn: The same, in the order in which they are looked at: of many channels a busy one does not starve
            the others if chance says which is the first.
    """

    __slots__ = ("keys", "keys_in_turn", "named", "own")

    def __init__(self, own: tuple[str, ...], named: tuple[str, ...], first: int = 0) -> None:
        self.own = own
        self.named = named
        self.keys: tuple[InboxKey, ...] = (*own, named) if named else own
        self.keys_in_turn = self.keys[first:] + self.keys[:first]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Interest) and other.keys_in_turn == self.keys_in_turn

    def __hash__(self) -> int:
        return hash(self.keys_in_turn)

    def __repr__(self) -> str:
        return f"Interest({self.own!r}, {self.named!r})"

    def starting_with(self, first: int) -> Interest:
        """Return the same, where key number *first* is looked at first."""
        return Interest(self.own, self.named, first)


class Readable(NamedTuple):
    """So many messages more can be taken for *key*; as many waiting receivers are enough."""

    key: InboxKey
    number: int = 1


class Handed(NamedTuple):
    """
    A message, or a copy of a group message each, is for these takers, who stand on this very thread.

    It lies in no channel, and counts as read.
    """

    letter: Letter
    takers: list[Standing]


class Spread(NamedTuple):
    """A copy of a group message can be taken from each of these process channels."""

    channels: list[str]


@dataclass(frozen=True, slots=True)
class Completed:
    """
    A request is over.

    Attributes:
        token: What the request returned when it was made.
        answers: What each peer said.
        missing: Peers that did not answer in time.
        error: Why it failed, for the one who asked; None if it did not.
    """

    token: int
    answers: dict[NodeId, object] = field(default_factory=dict)
    missing: frozenset[NodeId] = frozenset()
    error: ZmqLayerError | None = None


@dataclass(frozen=True, slots=True)
class PeerChanged:
    """
    A peer became ready, fell silent, or is gone.

    Attributes:
        took_s: Seconds from the first contact to now.
    """

    peer: PeerInfo
    state: PeerState
    took_s: float


@dataclass(frozen=True, slots=True)
class Joined:
    """What existed in the mesh at start has been linked, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Room:
    """Something left *bound*, for whose room somebody waits; see ``Rooms.let_in``."""

    bound: Bound


@dataclass(frozen=True, slots=True)
class Lost:
    """The message that its sender calls *token* is lost."""

    token: Hashable
    loss: Loss


@dataclass(frozen=True, slots=True)
class Ended:
    """The channel that *token* follows has ended."""

    token: Hashable


Notice = Room | Lost | Ended
"""What is told to those who asked for it."""

Event = Notice | Readable | Spread | Handed | Completed | PeerChanged | Joined | Said
