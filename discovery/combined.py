"""Several sources of candidates as one: mDNS and seeds at once. Built by ``compose.py``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from zmqlayer.discovery.countdown import Countdown
from zmqlayer.discovery.settling import Settling
from zmqlayer.ports import Announcement, Discovery, DiscoveryListener

__all__ = ["Combined"]


class Combined:
    """
    Starts and stops its sources together, and has settled when all of them have.

    Without sources it settles at once: that is ``discovery = "off"``. A candidate that two sources
    name is reported twice, and lost when either loses it; the mesh treats both as hints.
    """

    def __init__(self, sources: Iterable[Discovery]) -> None:
        self._sources = tuple(sources)
        self._to_start = deque(self._sources)
        self._countdown = Countdown(len(self._sources))

    def __repr__(self) -> str:
        return f"<Combined {list(self._sources)}>"

    def start(self, announcement: Announcement, listener: DiscoveryListener) -> None:
        """Start every source; see :class:`zmqlayer.ports.Discovery`."""
        if not self._sources:
            listener.settled()
        while self._to_start:
            self._to_start[0].start(announcement, Settling(listener, self._countdown))
            self._to_start.popleft()

    def stop(self) -> None:
        """Stop every source."""
        for source in self._sources:
            source.stop()
