"""The connections of one server: made here, counted, and ended together. Used by ``serving``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IProtocolNegotiationFactory
from twisted.internet.protocol import ServerFactory
from zope.interface import implementer

from zmqlayer.interface.clients.connection import Connection
from zmqlayer.interface.clients.floods import Floods, Verdict
from zmqlayer.interface.clients.framing import FramesFactory
from zmqlayer.interface.clients.turned_away import Shut, TurnedAway
from zmqlayer.interface.options import Context

__all__ = ["ConnectionFactory"]

HTTP1: Final = (b"http/1.1", b"http/1.0")
HTTP2: Final = b"h2"
"""As ALPN calls them (RFC 7301, RFC 9113)."""

if TYPE_CHECKING:
    _Factory = ServerFactory[Connection | TurnedAway | Shut]
else:  # Twisted 24.7 has no parameter here
    _Factory = ServerFactory


@implementer(IProtocolNegotiationFactory)
class ConnectionFactory(_Factory):
    """Makes a :class:`Connection` for each client, and knows those that are open."""

    noisy = False

    def __init__(self, context: Context) -> None:
        self.context = context
        self.frames = FramesFactory(context)
        self.connections: set[Connection] = set()
        self._floods = Floods(context.options.connections_per_address)
        self._emptied: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Connection | TurnedAway | Shut:
        address = str(getattr(addr, "host", ""))
        verdict = self._floods.enter(address) if address else Verdict.ADMITTED
        if verdict is Verdict.ADMITTED:
            return Connection(self, address)
        self.context.faults.note("too many connections", address, self.context.reactor.seconds())
        return TurnedAway(self.context, address, self._floods) if verdict is Verdict.TURNED_AWAY else Shut()

    def acceptableProtocols(self) -> tuple[bytes, ...]:
        """Return what to offer to a client that comes by TLS; Twisted asks for it too, for its ``ssl:`` endpoints."""
        return (HTTP2, *HTTP1) if self.context.options.http2 else HTTP1

    def add(self, connection: Connection) -> None:
        """Count a connection as open."""
        self.connections.add(connection)

    def forget(self, connection: Connection) -> None:
        """Count a connection as closed."""
        self.connections.discard(connection)
        if connection.address:
            self._floods.leave(connection.address)
        if not self.connections and self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def stop(self, grace_s: float) -> Deferred[None]:
        """
        End every connection: politely, and after *grace_s* seconds by force.

        Returns:
            Fires when none is left.
        """
        for connection in tuple(self.connections):
            connection.stop()
        if not self.connections:
            return succeed(None)
        self._emptied = Deferred()
        timer = self.context.reactor.callLater(grace_s, self._abort_all)
        return self._emptied.addCallback(lambda _: timer.cancel() if timer.active() else None)

    def _abort_all(self) -> None:
        for connection in tuple(self.connections):
            connection.abort()
