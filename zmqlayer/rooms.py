"""
Rooms: who waits for room in a channel that was full, and who is told first. Pure; used by ``mesh.py`` and its parts.

What has no room is a *bound*: a channel, or the limit for all that one peer holds, or for all that waits at this node
or is watched for its loss. Those who wait stand in one line for each bound, in the order in which they asked. When a
bound shrinks, that is told once, however often it shrinks before anybody looks; then the first in line is taken out,
and the next one only if there is room still. So five thousand who wait for one channel cost no more than those who get
in.

Nothing is kept and nothing is done for a bound in whose line nobody stands.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from zmqlayer.names import NodeId, owner_of

__all__ = ["NODE", "WATCHED", "Bound", "Rooms"]

Bound = str | NodeId
"""What can be full: a channel, by its name; what one peer holds, by its id; :data:`NODE`; and :data:`WATCHED`."""

NODE: Final = ""
"""All that waits at this node."""
WATCHED: Final = "!"
"""All messages of this node whose loss is told."""


class Rooms:
    """
    The lines of those who wait for room.

    Args:
        blocked_by: Returns which bound has no room for a message to a channel, or None if there is room, or none is
            needed because its owner is gone; called as (channel, now).
        on_room: Called with a bound that shrank and in whose line somebody stands: ask :meth:`let_in` for the first.
    """

    def __init__(self, blocked_by: Callable[[str, float], Bound | None], on_room: Callable[[Bound], None]) -> None:
        self._blocked_by = blocked_by
        self._on_room = on_room
        self.lines: dict[Bound, OrderedDict[Hashable, str]] = {}
        self._standing: dict[Hashable, Bound] = {}
        self._told: set[Bound] = set()

    def __len__(self) -> int:
        return len(self._standing)

    def wait(self, token: Hashable, channel: str, now: float) -> None:
        """
        Put *token* at the end of the line for *channel*.

        Args:
            token: Names the one who asks; :meth:`let_in` returns it.
        """
        bound = self._blocked_by(channel, now)
        self._stand(token, channel, channel if bound is None else bound)
        if bound is None:
            self.freed(channel)

    def cancel(self, token: Hashable) -> None:
        """*token* waits no longer. May be called twice, and for one who was told."""
        bound = self._standing.pop(token, None)
        if bound is not None:
            self.lines[bound].pop(token)
            self._tidy(bound)

    def let_in(self, bound: Bound, now: float) -> Hashable | None:
        """Take the first in line for *bound* out and return it; None if there is no room, or nobody left."""
        while line := self.lines.get(bound):
            token, channel = next(iter(line.items()))
            actual = self._blocked_by(channel, now)
            if actual == bound:
                break
            self.cancel(token)
            if actual is None:
                return token
            self._stand(token, channel, actual)
        self._told.discard(bound)
        return None

    def freed(self, bound: Bound) -> None:
        """Something left *bound*."""
        if bound in self.lines and bound not in self._told:
            self._told.add(bound)
            self._on_room(bound)

    def freed_at(self, peer: NodeId) -> None:
        """A peer is gone, or said what it holds: any of its channels may have room."""
        for bound in [bound for bound in self.lines if bound == peer or _is_owned(bound, peer)]:
            self.freed(bound)

    def sweep(self, now: float) -> None:
        """Look at every line: messages expire, and peers may vanish, without a sign."""
        self._told.clear()  # who was told and has not asked since may be gone, too
        for bound, line in list(self.lines.items()):
            if self._blocked_by(next(iter(line.values())), now) != bound:
                self.freed(bound)

    def _stand(self, token: Hashable, channel: str, bound: Bound) -> None:
        self.lines.setdefault(bound, OrderedDict())[token] = channel
        self._standing[token] = bound

    def _tidy(self, bound: Bound) -> None:
        if not self.lines[bound]:
            del self.lines[bound]
            self._told.discard(bound)


def _is_owned(bound: Bound, peer: NodeId) -> bool:
    return isinstance(bound, str) and owner_of(bound) == peer
