"""
What the core tells its node: someone can read now, a request is over, a peer came or went, and what was asked for.

Values only.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.names import NodeId
from zmqlayer.peers import PeerInfo, PeerState
from zmqlayer.ports import Loss
from zmqlayer.rooms import Bound

__all__ = [
    "Completed",
    "Ended",
    "Event",
    "InboxKey",
    "Interest",
    "Joined",
    "Lost",
    "Notice",
    "PeerChanged",
    "Readable",
    "Room",
]

InboxKey = str | tuple[str, ...]
"""What a receiver waits for: a process channel, a prefix of them, or a set of named channels."""


class Interest(NamedTuple):
    """
    The channels that one receiver wants, sorted out.

    Attributes:
        own: Process channels of this node, and prefixes of them.
        named: All others, sorted: read by credit.
        first: Which of the keys is looked at first, so that of many channels a busy one does not starve the others.
    """

    own: tuple[str, ...]
    named: tuple[str, ...]
    first: int = 0

    @property
    def keys(self) -> tuple[InboxKey, ...]:
        return (*self.own, self.named) if self.named else self.own

    @property
    def keys_in_turn(self) -> tuple[InboxKey, ...]:
        keys = self.keys
        return keys[self.first :] + keys[: self.first] if self.first else keys


class Readable(NamedTuple):
    """A message can be taken for *key*; one waiting receiver is enough."""

    key: InboxKey


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

Event = Notice | Readable | Completed | PeerChanged | Joined
