"""
Probes: plain TCP connections that are opened to learn whether anybody listens, and closed at once. Used by
``transport.py`` and ``pushes.py``.

ZeroMQ connects in the background and tells nothing while it cannot. Whether a host refuses or keeps silent is the
difference between a process that is gone and a network that is cut, so the core asks.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Container

from zmqlayer.descriptors import Descriptors
from zmqlayer.greetings import host_of, port_of

__all__ = ["Probes"]


class Probes:
    """
    The probes of one node that are under way, at most one per address. Nothing here blocks.

    Args:
        descriptors: Told what to wait for.
    """

    def __init__(self, descriptors: Descriptors) -> None:
        self._descriptors = descriptors
        self._sockets: dict[str, socket.socket] = {}
        self._results: list[tuple[str, bool]] = []

    @property
    def has_results(self) -> bool:
        """Whether :meth:`results` has something to tell already."""
        return bool(self._results)

    def start(self, address: str) -> None:
        """Begin to connect; a probe of the same address that is still under way is given up."""
        self.cancel(address)
        target = _resolve(address)
        if target is None:
            self._results.append((address, False))  # it is not dialled either: see connect in sockets.py
            return
        family, where = target
        try:
            probe = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        except OSError:
            return  # no descriptors left, or no IPv6: as if nobody answered
        self._sockets[address] = probe
        error = probe.connect_ex(where)
        if error == errno.EINPROGRESS:
            self._descriptors.watch(probe.fileno(), for_output=True)
        else:
            self._conclude(address, error)

    def collect(self, ready: Container[int]) -> None:
        """Look at the probes whose descriptors are *ready*."""
        for address, probe in list(self._sockets.items()):
            if probe.fileno() in ready:
                self._conclude(address, probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def cancel(self, address: str) -> None:
        """Give up the probe of *address*, if there is one."""
        probe = self._sockets.pop(address, None)
        if probe is None:
            return
        self._descriptors.unwatch(probe.fileno())
        probe.close()

    def results(self) -> list[tuple[str, bool]]:
        """Return (address, whether it accepted) for what was found since the last call; silence is no result."""
        taken, self._results = self._results, []
        return taken

    def close(self) -> None:
        """Give up all."""
        for address in list(self._sockets):
            self.cancel(address)

    def _conclude(self, address: str, error: int) -> None:
        self.cancel(address)
        if error in (0, errno.ECONNREFUSED):
            self._results.append((address, error == 0))


def _resolve(address: str) -> tuple[int, tuple[object, ...]] | None:
    """Return family and socket address; None for a name, because looking one up here would block."""
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    try:
        # As bytes, or Python would first import a codec here, which a child forked meanwhile would never get.
        host = host_of(address).encode()
        found = socket.getaddrinfo(host, port_of(address), type=socket.SOCK_STREAM, flags=flags)
    except OSError:
        return None
    family, _, _, _, where = found[0]
    return family, where
