"""
One TCP connection from a client: HTTP first, then perhaps a WebSocket on the same transport.

``HTTPChannel`` parses HTTP/1.x, pipelines and keeps alive. What is ours: the hand-over to WebSocket, a way to
refuse a body that still arrives, and the answers to "is the client slow?" and "please stop".
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from zmqlayer.interface.clients.access_log import combined_line
from zmqlayer.interface.clients.framing import Frames, FramesFactory
from zmqlayer.interface.clients.request import IncomingRequest
from zmqlayer.interface.options import Context, Reactor, Timer

__all__ = ["Connection", "ConnectionFactory"]

LINGER_S: Final = 2.0
"""
How long a refused body is read and thrown away. Closing at once would reset the connection, and with it
the answer that says why.
"""


class Mode(Enum):
    """Whom the client's bytes are for."""

    HTTP = auto()
    HELD = auto()  # a worker decides on a WebSocket; the client should wait
    WEBSOCKET = auto()
    DRAINING = auto()  # nobody


class Stoppable(Protocol):
    """A WebSocket, as a connection sees it."""

    def stop(self) -> None:
        """End soon: the server stops."""


class Wire(Protocol):
    """What every transport of Twisted's has that may carry HTTP; it has no one interface of its own for that."""

    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def unregisterProducer(self) -> None: ...
    def abortConnection(self) -> None: ...


class Connection(HTTPChannel):
    """One connection of one client."""

    factory: ConnectionFactory

    def __init__(self) -> None:
        super().__init__()
        self.is_congested = False
        self._mode = Mode.HTTP
        self._held: list[bytes] = []
        self._socket: Stoppable | None = None
        self._frames: Frames | None = None
        self._linger: Timer | None = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.connections.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.forget(self)
        if self._linger is not None and self._linger.active():
            self._linger.cancel()
        super().connectionLost(reason)
        if self._frames is not None:
            self._frames.connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        if self._mode is Mode.HTTP:
            super().dataReceived(data)
        elif self._mode is Mode.HELD:
            self._hold(data)
        elif self._frames is not None:
            self._frames.dataReceived(data)

    def rawDataReceived(self, data: bytes) -> None:
        # What followed a head in the same segment arrives here, whatever the head made of the connection.
        if self._mode is Mode.HTTP:
            super().rawDataReceived(data)
        else:
            self.dataReceived(data)

    def pauseProducing(self) -> None:
        self.is_congested = True
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self.is_congested = False
        super().resumeProducing()

    def callLater(self, period: float, func: Callable[[], object]) -> Timer:
        """Time Twisted's timeouts by our reactor instead of the global one."""
        return self.factory.reactor.callLater(period, func)

    def hold(self, socket: Stoppable) -> None:
        """Keep what the client sends until the worker has decided on *socket*."""
        self._socket = socket
        self._mode = Mode.HELD

    def upgrade(self, frames: Frames, head: bytes) -> None:
        """
        Give the transport to *frames*, with *head* as its request. Then call :meth:`release`.

        Args:
            head: The request head that Autobahn answers with 101.
        """
        self.requests.clear()
        self._wire.unregisterProducer()
        self._frames = frames
        frames.makeConnection(self.transport)
        frames.dataReceived(head)

    def release(self) -> None:
        """Let the client's frames flow, first those that were held."""
        if self._held:
            self._wire.resumeProducing()
        self._mode = Mode.WEBSOCKET
        held, self._held = self._held, []
        for data in held:
            self.dataReceived(data)

    def drain(self) -> None:
        """Throw away what the client still sends, and close when it has had time to read the answer."""
        self._mode = Mode.DRAINING
        self._linger = self.factory.reactor.callLater(LINGER_S, self.loseConnection)

    def stop(self) -> None:
        """End soon: after the response that is on its way, or with 1001 for a WebSocket."""
        if self._socket is not None:
            self._socket.stop()
        elif self.requests:
            self.persistent = 0
        else:
            self.loseConnection()

    def abort(self) -> None:
        """Cut the connection at once; what is still to be written is lost."""
        self._wire.abortConnection()

    @property
    def _wire(self) -> Wire:
        return cast(Wire, self.transport)

    def _hold(self, data: bytes) -> None:
        # A client must not send frames before it is accepted (RFC 6455, 4.1); one read's worth is kept.
        if not self._held:
            self._wire.pauseProducing()
        self._held.append(data)


if TYPE_CHECKING:
    _Factory = ServerFactory[Connection]
else:  # Twisted 24.7 has no parameter here
    _Factory = ServerFactory


class ConnectionFactory(_Factory):
    """Makes a :class:`Connection` for each client, and knows those that are open."""

    noisy = False

    def __init__(self, context: Context) -> None:
        self.context = context
        self.reactor: Reactor = context.reactor
        self.connections: set[Connection] = set()
        self.frames = FramesFactory(context.options, context.reactor)
        self._emptied: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        connection = Connection()
        connection.factory = self
        connection.timeOut = int(self.context.options.keep_alive_timeout_s)
        connection.requestFactory = self._build_request  # type: ignore[assignment]  # a callable is all it takes
        return connection

    def log(self, request: IncomingRequest) -> None:
        """Write a finished request to the access log; Twisted calls this."""
        if self.context.log_access is not None:
            self.context.log_access(combined_line(request.log_entry()))

    def forget(self, connection: Connection) -> None:
        """Count a connection as closed."""
        self.connections.discard(connection)
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
        timer = self.reactor.callLater(grace_s, self._abort_all)
        return self._emptied.addCallback(lambda _: timer.cancel() if timer.active() else None)

    def _abort_all(self) -> None:
        for connection in tuple(self.connections):
            connection.abort()

    def _build_request(self, channel: Connection, *_queued: object) -> IncomingRequest:
        return IncomingRequest(channel, self.context, self.frames)
