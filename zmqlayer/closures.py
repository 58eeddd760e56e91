"""
Closures: which process channels of this node ended lately. Pure; time is passed in. Used by ``fanout.py``.

Who adds a browser's channel to a group cannot know that the browser has just gone. The request would arrive after
the end of the channel, and make it a member that nobody reads, for as long as ``group_expiry``.
"""

from __future__ import annotations

from typing import Final

__all__ = ["Closures"]

REMEMBERED_S: Final = 60.0


class Closures:
    """
    Channels that were closed within the last minute.

    Args:
        most: How many are remembered; the oldest are forgotten first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._closed: dict[str, float] = {}

    def __contains__(self, channel: str) -> bool:
        return channel in self._closed

    def __len__(self) -> int:
        return len(self._closed)

    def add(self, channel: str, now: float) -> None:
        """Note that *channel* ended."""
        self._closed.pop(channel, None)
        if len(self._closed) >= self._most:
            del self._closed[next(iter(self._closed))]
        self._closed[channel] = now

    def sweep(self, now: float) -> None:
        """Forget what is long ago."""
        for channel, closed_at in list(self._closed.items()):
            if closed_at + REMEMBERED_S > now:
                return
            del self._closed[channel]
