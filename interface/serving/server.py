"""The server: a port that is listened on, and the connections that came through it."""

from __future__ import annotations

from typing import Final, Protocol

from twisted.internet.defer import Deferred

from zmqlayer.interface.clients.connection import ConnectionFactory
from zmqlayer.interface.options import Context

__all__ = ["InterfaceServer"]

GRACE_S: Final = 1.0
"""How long responses may take, and clients may take to say goodbye, once the server stops."""


class Address(Protocol):
    """Where a TCP port is open."""

    port: int


class Port(Protocol):
    """An open port."""

    def getHost(self) -> Address: ...
    def stopListening(self) -> object: ...


class Listener(Protocol):
    """The part of Twisted's reactor that opens ports."""

    def listenTCP(self, port: int, factory: ConnectionFactory, backlog: int = 50, interface: str = "") -> Port: ...


class InterfaceServer:
    """Accepts clients and carries them to the mesh and back."""

    def __init__(self, context: Context) -> None:
        self.factory = ConnectionFactory(context)
        self._ports: list[Port] = []

    def __repr__(self) -> str:
        return f"<InterfaceServer [{len(self._ports)} ports, {len(self.factory.connections)} connections]>"

    def listen(self, reactor: Listener, host: str, port: int) -> str:
        """
        Accept clients from now on.

        Args:
            port: 0 takes a free one.

        Returns:
            The URL to reach it.

        Raises:
            CannotListenError: The address is in use, or not ours.
        """
        listening = reactor.listenTCP(port, self.factory, interface=host)
        self._ports.append(listening)
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{listening.getHost().port}"

    def stop(self) -> Deferred[None]:
        """
        Accept nobody any more, let responses end, close WebSockets with 1001.

        Returns:
            Fires when no connection is left, after :data:`GRACE_S` at the latest.
        """
        ports, self._ports = self._ports, []
        for port in ports:
            port.stopListening()
        return self.factory.stop(GRACE_S)
