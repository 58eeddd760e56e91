"""What the readers of a test took, as their logs say, and what nodes say of themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["Books", "Taken", "duplicates", "lost", "overtakers", "taken_from"]


class Taken(NamedTuple):
    """One message, as its sender numbered it."""

    channel: str
    sender: str
    number: int


def taken_from(*logs: Path, since: float = 0.0) -> list[Taken]:
    """
    Return what stands in the logs, in their order; a log that nobody began is empty.

    Args:
        since: Leave out what was taken before that monotonic second.
    """
    lines = (line.split() for log in logs if log.exists() for line in _whole_lines(log))
    return [Taken(channel, sender, int(number)) for channel, sender, number, at in lines if float(at) >= since]


def _whole_lines(log: Path) -> list[str]:
    """Return what was written; the last line may be under way."""
    return log.read_text(encoding="ascii").rpartition("\n")[0].splitlines()


def duplicates(taken: Iterable[Taken]) -> list[Taken]:
    """Return what was taken more than once."""
    return [entry for entry, count in Counter(taken).items() if count > 1]


def overtakers(taken: Iterable[Taken]) -> list[Taken]:
    """Return what one reader took after a later message of the same sender and channel."""
    last: dict[tuple[str, str], int] = {}
    late = []
    for entry in taken:
        if entry.number < last.get(entry[:2], -1):
            late.append(entry)
        last[entry[:2]] = entry.number
    return late


def lost(accepted: Mapping[str, Mapping[str, int]], taken: Iterable[Taken]) -> set[Taken]:
    """Return what was accepted, by sender and channel, and never taken."""
    sent = {
        Taken(channel, sender, number)
        for sender, channels in accepted.items()
        for channel, count in channels.items()
        for number in range(count)
    }
    return sent - set(taken)


class Books(dict[str, int]):
    """What ``statistics()`` of one node says."""

    @property
    def dropped(self) -> int:
        """How many messages it knows to be lost, for whatever reason."""
        return sum(count for name, count in self.items() if name.startswith("dropped: "))

    @property
    def is_balanced(self) -> bool:
        """Whether everything that came to the node has a place where it went."""
        went = self["delivered"] + self["expired"] + self.dropped + self["handed_over"] + self["in_flight"]
        return self["accepted"] + self["arrived"] == went
