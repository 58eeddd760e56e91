"""
Readership: which peers are known to read which named channels. Pure; used by ``dispatch.py``.

A worker all of whose threads are busy takes its credit back after a while, so that what it cannot start goes to others.
It is a reader all the same: a request may wait for it. So peers are remembered from the first credit that they gave
until they are gone, and what they read is what they ever gave credit for.
"""

from __future__ import annotations

from collections.abc import Iterable

from zmqlayer.names import NodeId

__all__ = ["Readership"]


class Readership:
    """
    Channels and the peers that read them.

    Args:
        most: Channels of one peer that are remembered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._channels: dict[NodeId, set[str]] = {}
        self._readers: dict[str, set[NodeId]] = {}

    def __contains__(self, channel: str) -> bool:
        return channel in self._readers

    def note(self, peer: NodeId, channels: Iterable[str]) -> None:
        """*peer* gave credit for *channels*."""
        known = self._channels.setdefault(peer, set())
        for channel in channels:
            if len(known) < self._most:
                known.add(channel)
                self._readers.setdefault(channel, set()).add(peer)

    def forget(self, peer: NodeId) -> None:
        """*peer* is gone."""
        for channel in self._channels.pop(peer, ()):
            self._readers[channel].discard(peer)
            if not self._readers[channel]:
                del self._readers[channel]
