"""
The queues: messages at rest. Pure; every method that looks at time is told ``now``.

* :class:`Backlog` — a named channel's messages, held by the node that sent them until a reader has credit.
* :class:`Mailboxes` — messages for this node's process channels, one queue per channel.

An expired message is dropped where it is found, and never counts as capacity.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from zmqlayer.copies import Copies
from zmqlayer.messages import Message
from zmqlayer.names import NodeId, inbox_of
from zmqlayer.ports import Standing

__all__ = ["Backlog", "Letter", "Mailboxes"]


@dataclass(slots=True)
class Letter:
    """
    One message at rest. Nobody changes one, but for *opened*; that it is not frozen halves the time to make it.

    Attributes:
        channel: Full name of the channel it was sent to; empty in the letter that members of a group share.
        body: The message as msgpack.
        deadline: Monotonic seconds at which it expires.
        source: The node that sent it.
        is_copy: One member's copy of a group message: it occupies no window at its source.
        number: Its place among all that one node queued for readers, so that a return finds its place again.
        sequence: Its place among all that its source sent to this node's channels, by which it is reported as read.
        opened: What the first of those who share it made of the body, for the others.
    """

    channel: str
    body: bytes
    deadline: float
    source: NodeId
    is_copy: bool = False
    number: int = 0
    sequence: int = 0
    opened: Message | None = field(default=None, compare=False)


class Backlog:
    """One named channel's queue at its sender: first in, first out."""

    __slots__ = ("_is_sorted", "_letters")

    def __init__(self) -> None:
        self._letters: deque[Letter] = deque()
        self._is_sorted = True

    def __len__(self) -> int:
        return len(self._letters)

    def __iter__(self) -> Iterator[Letter]:
        return iter(self._letters)

    def append(self, letter: Letter) -> None:
        """Add a new message at the end."""
        if self._letters and letter.deadline < self._letters[-1].deadline:
            self._is_sorted = False
        self._letters.append(letter)

    def restore(self, letter: Letter) -> None:
        """Put a message that a reader returned back to its place: before all that were queued after it."""
        place = 0
        while place < len(self._letters) and self._letters[place].number < letter.number:
            place += 1
        self._letters.insert(place, letter)
        self._is_sorted = False

    def pop(self) -> Letter:
        """Remove and return the oldest message. The queue must not be empty."""
        return self._letters.popleft()

    def remove(self, number: int) -> Letter | None:
        """Remove and return one message, wherever it stands; None if it is not here."""
        for place, letter in enumerate(self._letters):
            if letter.number == number:
                del self._letters[place]
                return letter
        return None

    def oldest(self) -> float:
        """Return the deadline of the oldest message. The queue must not be empty."""
        return self._letters[0].deadline

    def expire(self, now: float) -> list[Letter]:
        """
        Drop and return what expired.

        Deadlines grow along the queue, so the front decides: unless peers with another ``expiry`` than ours
        wrote to a ``?`` channel, or a message was returned.
        """
        expired: list[Letter] = []
        if self._is_sorted:
            while self._letters and self._letters[0].deadline <= now:
                expired.append(self._letters.popleft())
        else:
            expired.extend(letter for letter in self._letters if letter.deadline <= now)
            self._letters = deque(letter for letter in self._letters if letter.deadline > now)
            self._is_sorted = not self._letters
        return expired

    def clear(self) -> list[Letter]:
        """Drop and return everything."""
        dropped = list(self._letters)
        self._letters.clear()
        return dropped


class _Mailbox:
    """One process channel's messages; how many of them are copies of group messages, and how many may be."""

    __slots__ = ("capacity", "copies", "letters")

    def __init__(self) -> None:
        self.letters: deque[Letter] = deque()
        self.copies = self.capacity = 0

    def pop(self) -> Letter:
        letter = self.letters.popleft()
        self.copies -= letter.is_copy
        return letter


class Mailboxes:
    """
    This node's process channels. A mailbox exists while it holds a message, so idle channels cost nothing.

    A reader may ask for one channel by its full name, or for the prefix that ends in ``!`` and stands for all
    of them; then channels take turns, so that a busy one does not starve a quiet one.

    Attributes:
        copies: What the copies of group messages among them take.
        channels: The names of those that hold a message.
        takers: Who waits at a channel that holds none, and is given the next message by hand. Each is asked for nothing
            but to be what its owner knows it by.
    """

    def __init__(self) -> None:
        self.copies = Copies()
        self._boxes: dict[str, _Mailbox] = {}
        self.channels = self._boxes.keys()
        self.takers: dict[str, Standing] = {}
        self._by_prefix: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return sum(len(box.letters) for box in self._boxes.values())

    def __iter__(self) -> Iterator[Letter]:
        return (_addressed(letter, channel) for channel, box in self._boxes.items() for letter in box.letters)

    def deliver(self, channel: str, letters: Sequence[Letter]) -> None:
        """Add messages at the end of their channel."""
        self._box_of(channel).letters.extend(letters)

    def deliver_copies(self, copy: Letter, channels: list[str], capacity_of: Callable[[str], int]) -> list[str]:
        """
        Add one copy of a group message at the end of each channel that holds fewer copies than *capacity_of* it.

        Returns:
            Those channels.
        """
        boxes, full = self._boxes, set()
        for channel in channels:
            box = boxes.get(channel) or self._box_of(channel)
            if box.copies >= box.capacity:
                box.capacity = capacity_of(channel)  # not looked up before it is needed, nor twice
                if box.copies >= box.capacity:
                    full.add(channel)
                    continue
            box.letters.append(copy)
            box.copies += 1
        reached = [channel for channel in channels if channel not in full] if full else channels
        self.copies.add(copy.body, len(reached))
        return reached

    def restore_copy(self, channel: str, copy: Letter) -> None:
        """Put a copy that was taken back to the front of its channel."""
        box = self._box_of(channel)
        box.letters.appendleft(copy)
        box.copies += 1
        self.copies.add(copy.body, 1)

    def pop(self, channel: str) -> Letter | None:
        """Remove and return the oldest message of one channel; None if there is none."""
        box = self._boxes.get(channel)
        if box is None:
            return None
        letter = box.letters.popleft()
        if letter.is_copy:
            box.copies -= 1
            copies, key = self.copies, id(letter.body)  # as Copies.remove: a call for each would be 6 % of a delivery
            copies.count -= 1
            left = copies.holders[key] = copies.holders[key] - 1
            if not left:
                copies.let_go(letter.body)
        if not box.letters:
            self._remove(channel)
        return letter

    def pop_turn(self, prefix: str) -> Letter | None:
        """Remove and return the oldest message of the channel below *prefix* whose turn it is, or None."""
        turns = self._by_prefix.get(prefix)
        if not turns:
            return None
        channel = next(iter(turns))
        box = self._boxes[channel]
        letter = box.pop()
        self._forget(letter)
        del turns[channel]
        if box.letters:
            turns[channel] = None
        else:
            del self._boxes[channel]
            if not turns:
                del self._by_prefix[prefix]
        return _addressed(letter, channel)

    def expire(self, now: float) -> Iterator[Letter]:
        """Drop and yield every message that expired."""
        for channel, box in list(self._boxes.items()):
            expired = [letter for letter in box.letters if letter.deadline <= now]
            if not expired:
                continue
            box.letters = deque(letter for letter in box.letters if letter.deadline > now)
            box.copies = sum(letter.is_copy for letter in box.letters)
            if not box.letters:
                self._remove(channel)
            self._forget(*expired)
            yield from expired

    def drop(self, channel: str) -> Iterator[Letter]:
        """Drop and yield all that waits in *channel* itself, also where its name is a bare prefix."""
        while (letter := self.pop(channel)) is not None:
            yield letter

    def held(self, source: NodeId) -> dict[str, int]:
        """Return the channels that hold messages of *source*, each with the sequence of the oldest."""
        oldest: dict[str, int] = {}
        for channel, box in self._boxes.items():
            for letter in box.letters:
                if letter.source == source and not letter.is_copy:
                    oldest[channel] = letter.sequence
                    break
        return oldest

    def drop_all(self) -> Iterator[Letter]:
        """Drop and yield all that waits in any channel."""
        for channel in list(self._boxes):
            yield from self.drop(channel)

    def _box_of(self, channel: str) -> _Mailbox:
        box = self._boxes.get(channel)
        if box is None:
            box = self._boxes[channel] = _Mailbox()
            self._by_prefix.setdefault(inbox_of(channel), {})[channel] = None
        return box

    def _forget(self, *letters: Letter) -> None:
        for letter in letters:
            if letter.is_copy:
                self.copies.remove(letter.body)

    def _remove(self, channel: str) -> None:
        del self._boxes[channel]
        prefix = inbox_of(channel)
        turns = self._by_prefix[prefix]
        del turns[channel]
        if not turns:
            del self._by_prefix[prefix]


def _addressed(letter: Letter, channel: str) -> Letter:
    """Return a letter that says where it lies, also if it is one that members of a group share."""
    return letter if letter.channel else replace(letter, channel=channel)
