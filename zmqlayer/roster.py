"""
The roster: members of groups that no node owns, the same table at every node. Pure; time is passed in.

A named channel may be a member of a group, but there is no node whose subscription could stand for it. Such
members are few, so every node keeps them all and tells others of each change; two nodes that link up tell each
other everything. The later of two changes wins, and what is *later* must be the same everywhere without a clock:
each change carries an edition number that is above all its author had seen, and the author's id decides between equals.

A removal is kept as long as the membership could have lived, or else a node that missed it would bring the member
back. When the table of removals is full the oldest is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Self

from zmqlayer.exceptions import InvalidName, LimitReached, ProtocolError
from zmqlayer.names import NODE_ID_BYTES, NodeId, check_channel, check_group, owner_of

__all__ = ["Note", "Roster"]

LAST_EDITION: Final = 2**32
"""Nobody comes near it; whoever is told of more is told nonsense."""


class Note(NamedTuple):
    """
    What was last said about one channel in one group.

    Attributes:
        edition: Above that of each change which its author had seen.
        author: The node at which the change was made.
        is_member: Whether the channel joined; else it left.
        ends_at: Monotonic seconds at which the membership ends, or its removal may be forgotten.
    """

    group: str
    channel: str
    edition: int
    author: NodeId
    is_member: bool
    ends_at: float

    def is_later_than(self, other: Note) -> bool:
        """Whether this change wins over *other*; of two alike the removal does."""
        return (self.edition, self.author, not self.is_member) > (other.edition, other.author, not other.is_member)

    def to_wire(self, now: float) -> list[object]:
        """Return the note as control payloads carry it, with the seconds that it still lives."""
        lives_s = max(0.0, self.ends_at - now)
        return [self.group, self.channel, self.edition, self.author, self.is_member, lives_s]

    @classmethod
    def from_wire(cls, value: Any, now: float, most_s: float) -> Self:
        """
        Read a note; it lives *most_s* seconds at most.

        Raises:
            ProtocolError: It is none.
        """
        if not isinstance(value, list) or len(value) < 6:
            raise ProtocolError("a note is not a list of six")
        group, channel, edition, author, is_member, lives_s = value[:6]
        try:
            names = check_group(group), check_channel(channel)
        except InvalidName as exc:
            raise ProtocolError(f"a note has an impossible name: {exc}") from exc
        if owner_of(channel) is not None:
            raise ProtocolError(f"a note is about {channel!r}, which has an owner")
        if type(edition) is not int or not 0 < edition <= LAST_EDITION:
            raise ProtocolError("a note has an impossible edition")
        if type(author) is not bytes or len(author) != NODE_ID_BYTES or type(is_member) is not bool:
            raise ProtocolError("a note does not say who changed what")
        if type(lives_s) not in (int, float) or not lives_s >= 0:
            raise ProtocolError("a note has an impossible lifetime")
        return cls(*names, edition, NodeId(author), is_member, now + min(lives_s, most_s))


class Roster:
    """
    One node's copy of the table.

    Args:
        lives_s: How long a membership lasts that is not renewed.
        limit: How many members there may be, and how many removals are remembered.
    """

    def __init__(self, node_id: NodeId, lives_s: float, limit: int) -> None:
        self._node_id = node_id
        self._lives_s = lives_s
        self._limit = limit
        self._members: dict[str, dict[str, Note]] = {}
        self._removed: dict[tuple[str, str], Note] = {}
        self._size = 0
        self._edition = 0
        self._first_end = float("inf")

    def __len__(self) -> int:
        """How many members there are."""
        return self._size

    def __iter__(self) -> Iterator[Note]:
        """All that a peer has to know: members, and removals that are remembered."""
        for members in self._members.values():
            yield from members.values()
        yield from self._removed.values()

    def members(self, group: str, now: float) -> list[str]:
        """Return the living members of *group*."""
        return [note.channel for note in self._members.get(group, {}).values() if note.ends_at > now]

    def add(self, group: str, channel: str, now: float) -> Note:
        """
        Add a member, or renew it. Returns what others must be told.

        Raises:
            LimitReached: There are as many members as there may be.
        """
        note = self._change(group, channel, now, is_member=True)
        if not self._put(note):
            raise LimitReached("named_members", self._limit)
        return note

    def discard(self, group: str, channel: str, now: float) -> Note:
        """Remove a member, known here or not. Returns what others must be told."""
        note = self._change(group, channel, now, is_member=False)
        self._put(note)
        return note

    def merge(self, note: Note, now: float) -> bool:
        """Take in what another node says, if it is later than what is known. Returns False if there was no room."""
        self._edition = max(self._edition, note.edition)
        known = self._members.get(note.group, {}).get(note.channel) or self._removed.get((note.group, note.channel))
        if note.ends_at <= now or (known is not None and not note.is_later_than(known)):
            return True
        return self._put(note)

    def clear(self, now: float) -> None:
        """Remove every member."""
        for note in [note for note in self if note.is_member]:
            self.discard(note.group, note.channel, now)

    def sweep(self, now: float) -> None:
        """Forget what ended."""
        if now < self._first_end:
            return
        for note in [note for note in self if note.ends_at <= now]:
            self._take_out(note.group, note.channel)
        self._first_end = min((note.ends_at for note in self), default=float("inf"))

    def _change(self, group: str, channel: str, now: float, *, is_member: bool) -> Note:
        self._edition = min(self._edition + 1, LAST_EDITION)
        return Note(group, channel, self._edition, self._node_id, is_member, now + self._lives_s)

    def _put(self, note: Note) -> bool:
        is_known = note.channel in self._members.get(note.group, {})
        if note.is_member and not is_known and self._size >= self._limit:
            return False
        if note.is_member and is_known:
            self._members[note.group][note.channel] = note
        else:
            self._take_out(note.group, note.channel)
            self._put_in(note)
        self._first_end = min(self._first_end, note.ends_at)
        return True

    def _put_in(self, note: Note) -> None:
        if note.is_member:
            self._members.setdefault(note.group, {})[note.channel] = note
            self._size += 1
            return
        self._removed[note.group, note.channel] = note
        if len(self._removed) > self._limit:
            del self._removed[next(iter(self._removed))]

    def _take_out(self, group: str, channel: str) -> None:
        self._removed.pop((group, channel), None)
        members = self._members.get(group, {})
        if members.pop(channel, None) is not None:
            self._size -= 1
            if not members:
                del self._members[group]
