"""
Notices: what users of a node asked to be told of once. Sans-I/O; used by ``mesh.py`` and its parts.

Of room in a channel that was full (``rooms.py``), of the loss of a message (``custody.py``), of the end of a channel
(``follows.py``). Each is told by an event; the node passes it on outside its lock.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from zmqlayer.custody import Custody
from zmqlayer.events import Ended, Event, Lost, Room
from zmqlayer.exceptions import InvalidName
from zmqlayer.follows import Follows
from zmqlayer.names import NodeId, owner_of
from zmqlayer.rooms import WATCHED, Bound, Rooms

__all__ = ["Notices"]


class Knowledge(Protocol):
    """What a node knows of the channels of others."""

    def is_in_vain(self, owner: NodeId) -> bool:
        """Whether a node is gone, or was never met in time."""

    def is_closed(self, channel: str) -> bool:
        """Whether a channel was closed."""


class Notices:
    """
    Who is to be told what. A token names one who asked, to himself.

    Args:
        most: Messages whose loss is told, at a time.
        blocked_by: As :class:`Rooms` wants it.
        emit: Called with each event.

    Attributes:
        rooms: Who waits for room.
        custody: Which messages are watched.
        follows: Who follows a channel.
        mail: What knows of owners and channels; set once it exists.
    """

    mail: Knowledge

    def __init__(
        self, most: int, blocked_by: Callable[[str, float], Bound | None], emit: Callable[[Event], None]
    ) -> None:
        self.rooms = Rooms(blocked_by, lambda bound: emit(Room(bound)))
        self.custody = Custody(most, lambda token, loss: emit(Lost(token, loss)), lambda: self.rooms.freed(WATCHED))
        self.follows = Follows(lambda token: emit(Ended(token)))

    def follow(self, channel: str, token: Hashable) -> None:
        """
        Tell *token* when the owner of a process channel is gone, or has closed it; at once if that is so.

        Raises:
            InvalidName: *channel* names no owner.
        """
        owner = owner_of(channel)
        if owner is None:
            raise InvalidName(channel, "names no owner: a channel that nobody owns has no end")
        self.follows.add(token, owner, channel)
        if not self.is_open(channel):
            self.follows.closed(owner, channel)

    def is_open(self, channel: str) -> bool:
        """Whether a message to *channel* may be read: not if its owner is gone, or is known to have closed it."""
        owner = owner_of(channel)
        return owner is None or not (self.mail.is_in_vain(owner) or self.mail.is_closed(channel))

    def forget(self, token: Hashable) -> None:
        """Tell *token* nothing any more. May be called twice, and after it was told."""
        self.rooms.cancel(token)
        self.custody.forget(token)
        self.follows.cancel(token)

    def peer_gone(self, node_id: NodeId) -> None:
        """A peer is gone: so are its channels, and what it had not answered."""
        self.custody.peer_gone(node_id)
        self.follows.gone(node_id)
        self.rooms.freed_at(node_id)

    def closed(self, owner: NodeId, channel: str) -> None:
        """A process channel was closed: who follows it is told, and nobody need wait for room."""
        self.follows.closed(owner, channel)
        self.rooms.freed(channel)

    def sweep(self, now: float) -> None:
        """Look for what happened without a sign: room by expiry, or a node of which nobody heard in time."""
        for owner in self.follows.owners:
            if self.mail.is_in_vain(owner):
                self.follows.gone(owner)
        self.rooms.sweep(now)
