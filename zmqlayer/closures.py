"""
Closures: which channels ended lately, of this node or of others. Pure; time is passed in. Used by ``mail.py``,
``dispatch.py`` and ``accounts.py``.

Who sends to a browser's channel, or adds it to a group, cannot know that the browser has just gone. The message would
lie there until it expires, and hold up its sender; the membership would last for as long as ``group_expiry``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Final

__all__ = ["Closures"]

REMEMBERED_S: Final = 60.0


@dataclass(slots=True)
class _Closure:
    """When a channel was closed, and the number of the last message that was queued before."""

    at: float
    last: int


class Closures:
    """
    Channels that were closed within the last minute.

    Args:
        most: How many are remembered; the oldest are forgotten first.

    Attributes:
        channels: Their names, and what is known of the end of each.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.channels: dict[str, _Closure] = {}

    def __len__(self) -> int:
        return len(self.channels)

    def add(self, channel: str, now: float, last: int = 0) -> None:
        """Note that *channel* ended, behind message *last* of those that are numbered."""
        self.channels.pop(channel, None)
        if len(self.channels) >= self._most:
            del self.channels[next(iter(self.channels))]
        self.channels[channel] = _Closure(now, last)

    def is_behind(self, channel: str, number: int) -> bool:
        """Whether *channel* ended after message *number* had been queued there."""
        closure = self.channels.get(channel)
        return closure is not None and number <= closure.last

    def sweep(self, now: float) -> None:
        """Forget what is long ago."""
        aged = takewhile(lambda item: item[1].at + REMEMBERED_S <= now, self.channels.items())
        for channel in [channel for channel, _ in aged]:
            del self.channels[channel]
