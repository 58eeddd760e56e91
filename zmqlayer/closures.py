"""
Closures: which channels ended lately, of this node or of others. Pure; time is passed in. Used by ``mail.py``,
``dispatch.py`` and ``accounts.py``.

Who sends to a browser's channel, or adds it to a group, cannot know that the browser has just gone. The message would
lie there until it expires, and hold up its sender; the membership would last for as long as ``group_expiry``.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Final

__all__ = ["Closures"]

REMEMBERED_S: Final = 60.0


class Closures:
    """
    Channels that were closed within the last minute.

    Args:
        most: How many are remembered; the oldest are forgotten first.

    Attributes:
        channels: Their names, and when each was closed.
        lasts: The numbers of the last messages before, where they are numbered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.channels: dict[str, float] = {}
        self.lasts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.channels)

    def add(self, channel: str, now: float, last: int = 0) -> None:
        """Note that *channel* ended, behind message *last* if they are numbered."""
        self._forget(channel)
        if len(self.channels) >= self._most:
            self._forget(next(iter(self.channels)))
        self.channels[channel] = now
        if last:
            self.lasts[channel] = last

    def is_behind(self, channel: str, number: int) -> bool:
        """Whether *channel* ended after message *number* had been queued there."""
        return number <= self.lasts.get(channel, 0)

    def sweep(self, now: float) -> None:
        """Forget what is long ago."""
        aged = takewhile(lambda item: item[1] + REMEMBERED_S <= now, self.channels.items())
        for channel in [channel for channel, _ in aged]:
            self._forget(channel)

    def _forget(self, channel: str) -> None:
        self.channels.pop(channel, None)
        self.lasts.pop(channel, None)
