"""
Closures: which channels ended lately, of this node or of others. Pure; time is passed in. Used by ``mail.py``,
``fanout.py`` and ``accounts.py``.

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
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.channels: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self.channels)

    def add(self, channel: str, now: float) -> None:
        """Note that *channel* ended."""
        self.channels.pop(channel, None)
        if len(self.channels) >= self._most:
            del self.channels[next(iter(self.channels))]
        self.channels[channel] = now

    def sweep(self, now: float) -> None:
        """Forget what is long ago."""
        aged = takewhile(lambda item: item[1] + REMEMBERED_S <= now, self.channels.items())
        for channel in [channel for channel, _ in aged]:
            del self.channels[channel]
