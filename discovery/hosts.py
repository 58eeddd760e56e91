"""The hosts of this node as they change: what its HELLO tells others."""

from __future__ import annotations

import threading
from collections.abc import Callable

from zmqlayer.discovery.watch import EVERY_S, watch
from zmqlayer.ports import Announcement, DiscoveryListener

__all__ = ["HostWatch"]


class HostWatch:
    """
    Finds nobody, but tells the node when the hosts under which it can be reached are others than before.

    Args:
        read_hosts: Returns them.
        every_s: Seconds between two looks.
    """

    def __init__(self, read_hosts: Callable[[], tuple[str, ...]], every_s: float = EVERY_S) -> None:
        self._read_hosts = read_hosts
        self._every_s = every_s
        self._stopping = threading.Event()

    def __repr__(self) -> str:
        return "<HostWatch>"

    def start(self, announcement: Announcement, listener: DiscoveryListener) -> None:
        """Begin to watch; see :class:`zmqlayer.ports.Discovery`."""
        arguments = (self._stopping, self._read_hosts, listener.moved, self._every_s)
        threading.Thread(target=watch, args=arguments, name="zmqlayer-hosts", daemon=True).start()
        listener.settled()

    def stop(self) -> None:
        """Watch no more."""
        self._stopping.set()
