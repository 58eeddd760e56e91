"""
Readership: which peers read named channels although they give no credit now. Pure; used by ``dispatch.py``.

A worker all of whose threads are busy takes its credit back after a while, so that what it cannot start goes to others,
and after a cut it gives none until a thread is free. It is a reader all the same: a request may wait for it. So a peer
is remembered for a minute after its credit ended, unless it is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from zmqlayer.names import NodeId

__all__ = ["Readership"]

REMEMBERED_S: Final = 60.0


class Readership:
    """
    Channels and the peers that read them lately.

    Args:
        most: Channels that are remembered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._until: dict[str, dict[NodeId, float]] = {}

    def __contains__(self, channel: str) -> bool:
        return channel in self._until

    def note(self, peer: NodeId, channels: Iterable[str], now: float) -> None:
        """The credit that *peer* gave for *channels* has ended. Those with one reader at all are of no interest."""
        for channel in channels:
            if "?" not in channel and (channel in self._until or len(self._until) < self._most):
                self._until.setdefault(channel, {})[peer] = now + REMEMBERED_S

    def forget(self, peer: NodeId) -> None:
        """*peer* is gone."""
        for channel, readers in list(self._until.items()):
            readers.pop(peer, None)
            self._tidy(channel)

    def sweep(self, now: float) -> None:
        """Forget what is long ago."""
        for channel, readers in list(self._until.items()):
            for peer in [peer for peer, until in readers.items() if until <= now]:
                del readers[peer]
            self._tidy(channel)

    def _tidy(self, channel: str) -> None:
        if not self._until[channel]:
            del self._until[channel]
