"""
One TCP connection from a client: HTTP first, then perhaps a WebSocket on the same transport.

It knows nothing of HTTP: a codec (``http1``, ``http2``) reads the bytes. A WebSocket's bytes go to Autobahn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, Protocol, cast

from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, ISSLTransport
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from zmqlayer.interface.clients.backlog import PIECE_SIZE, Backlog
from zmqlayer.interface.clients.extensions import Agreement
from zmqlayer.interface.clients.framing import Frames, FramesFactory
from zmqlayer.interface.clients.goodbye import Goodbye
from zmqlayer.interface.clients.http1 import Http1
from zmqlayer.interface.clients.http2 import Http2
from zmqlayer.interface.clients.kernel import Standing, standing_of, untaken_size
from zmqlayer.interface.clients.streams import Socket
from zmqlayer.interface.clients.taking import Patience
from zmqlayer.interface.clients.wire import Codec, Origin
from zmqlayer.interface.conversations.translate import Address
from zmqlayer.interface.countdown import Countdown
from zmqlayer.interface.options import Context

__all__ = ["Connection", "Register", "Transport"]

ALPN_HTTP2: Final = b"h2"
"""RFC 9113, 3.1."""


class Buffer(Enum):
    """What the transport's own buffer may hold."""

    UNUSED = "nothing was ever left to it"
    FILLED = "something was left to it since it was told to send"
    FLUSHED = "it was told to send what it had, and may have the rest of it"


UNUSED, FILLED = Buffer.UNUSED, Buffer.FILLED  # a name is faster than a member


class Register(Protocol):
    """Who keeps count of connections."""

    @property
    def context(self) -> Context: ...
    @property
    def frames(self) -> FramesFactory: ...
    def add(self, connection: Connection) -> None: ...
    def forget(self, connection: Connection) -> None: ...


class Transport(Protocol):
    """What every transport of Twisted's has that may carry HTTP; it has no one interface of its own for that."""

    def getPeer(self) -> IAddress: ...
    def getHost(self) -> IAddress: ...
    def registerProducer(self, producer: object, streaming: bool) -> None: ...
    def unregisterProducer(self) -> None: ...
    def write(self, data: bytes) -> None: ...
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def loseConnection(self) -> None: ...
    def abortConnection(self) -> None: ...


@implementer(IHalfCloseableProtocol)
class Connection(TwistedProtocol):
    """
    One connection of one client: Twisted's protocol, and the ``wire.Wire`` of its codec.

    Attributes:
        address: The client's, as its connections are counted; empty for none.
        is_secure: See ``wire.Wire``.
    """

    def __init__(self, register: Register, address: str = "") -> None:
        self.address = address
        self.is_congested = False
        self.is_secure = False
        self._register = register
        self._origin: Origin | None = None
        self._codec: Codec | None = None
        self._frames: Frames | None = None
        self._socket: Socket | None = None
        self._held = b""
        self._is_open = False
        self._is_blocked = False  # the transport has enough; is_congested lasts until the backlog is gone as well
        self._backlog: Backlog | None = None
        self._buffer = Buffer.UNUSED
        self._send: Callable[[bytes], int | Exception] | None = None
        self._empty: Callable[[], object] | None = None
        self._idle_timer = Countdown(register.context.reactor)
        self._patience: Patience | None = None

    # What Twisted calls.

    def connectionMade(self) -> None:
        context = self._register.context
        self._is_open = True
        self.is_secure = bool(ISSLTransport.providedBy(self.transport))
        if not self.is_secure:  # TLS keeps small pieces for a moment, and the transport below is not ours to empty
            self._send = getattr(self._wire, "writeSomeData", None)
            self._empty = getattr(self._wire, "doWrite", None)
        if (set_no_delay := getattr(self._wire, "setTcpNoDelay", None)) is not None:  # a UNIX socket has none
            set_no_delay(True)  # or the kernel holds back a message until the client has confirmed the one before
        self._wire.registerProducer(self, True)
        self._idle_timer.start(context.options.keep_alive_timeout_s, self.close)
        self._register.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._is_open = False
        self._stop_timers()
        self._register.forget(self)
        codec, self._codec = self._codec, None  # it knows this connection, and such a circle waits for the collector
        if codec is not None:
            codec.lost()
        if self._frames is not None:
            self._frames.connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        if self._frames is not None:
            self._frames.dataReceived(data)
        elif self._is_open:
            if self._codec is None:
                self._idle_timer.stop()
                self._codec = self._choose_codec()
            self._codec.received(data)

    def readConnectionLost(self) -> None:
        """The client shut down its side. TLS has no such state, and tells of the whole connection's loss."""
        if self._codec is not None:
            self._codec.ended()
        elif self._frames is not None:
            self._frames.ended()
        else:
            self._wire.loseConnection()

    def writeConnectionLost(self) -> None:
        """Nothing to do: we never shut down our side alone."""

    def pauseProducing(self) -> None:
        """Take note that the client is slow; if it takes nothing at all, cut the connection."""
        self._is_blocked = True
        self._limit_writing()
        if self._is_open and not self.is_congested:
            self.is_congested = True
            if self._codec is not None:
                self._codec.congested()

    def resumeProducing(self) -> None:
        """Take note that the client has taken everything that the transport had."""
        self._is_blocked = False
        self._stop_limiting()
        self._flow()
        if self._is_blocked:
            return
        self.is_congested = False
        if not self._is_open:
            self._close_wire()
        elif self._codec is not None:
            self._codec.relieved()

    def stopProducing(self) -> None:
        """Nothing to do: :meth:`connectionLost` follows."""

    # What a codec calls.

    @property
    def origin(self) -> Origin:
        """See ``wire.Wire``."""
        if self._origin is None:  # the kernel is asked once, not with each request
            self._origin = Origin(client=_address(self._wire.getPeer()), server=_address(self._wire.getHost()))
        return self._origin

    @property
    def standing(self) -> Standing:
        """See ``wire.Wire``."""
        return standing_of(self.transport)

    @property
    def untaken_size(self) -> int:
        """See ``wire.Wire``."""
        return untaken_size(self.transport)

    def write(self, parts: Sequence[bytes], *, is_last: bool = False) -> None:
        """See ``wire.Wire``."""
        if not self._is_open:
            return
        if not self._is_blocked and sum(map(len, parts)) <= PIECE_SIZE:
            data = b"".join(parts)
            if is_last and self._buffer is UNUSED and self._send is not None:
                self._send_past(self._send, data)
                return
            self._give(data)
        else:
            if self._backlog is None:
                self._backlog = Backlog()
            self._backlog.add(parts)
            self._flow()
        if is_last:
            self.flush()

    def flush(self) -> None:
        """
        See ``wire.Wire``.

        It spares a response the way through the reactor's next turn. What goes wrong here the reactor meets as well,
        since there is still something to write then; and it knows what to do.
        """
        if self._buffer is FILLED and self._empty is not None and self._is_open and not self._is_blocked:
            self._buffer = Buffer.FLUSHED
            self._empty()

    def pause_reading(self) -> None:
        """See ``wire.Wire``."""
        if self._is_open:
            self._wire.pauseProducing()

    def resume_reading(self) -> None:
        """See ``wire.Wire``."""
        if self._is_open:
            self._wire.resumeProducing()

    def close(self) -> None:
        """See ``wire.Wire``; a client that takes nothing more is cut off in the end."""
        if not self._is_open:
            return
        self._is_open = False
        self._idle_timer.stop()
        if self._backlog is None:
            self._close_wire()

    def abort(self) -> None:
        """See ``wire.Wire``."""
        self._is_open = False
        self._backlog = None
        self._stop_timers()
        self._wire.abortConnection()

    def upgrade(self, socket: Socket, answer: bytes, compression: Agreement | None, held: bytes) -> Frames:
        """See ``wire.Wire``."""
        self._codec, self._socket, self._held = None, socket, held
        self._stop_timers()
        self._wire.unregisterProducer()
        self._frames = self._register.frames.open(socket, answer, compression, self.origin.name)
        self._frames.makeConnection(self.transport)
        return self._frames

    def release(self) -> None:
        """See ``wire.Wire``."""
        held, self._held = self._held, b""
        if self._frames is not None and held:
            self.resume_reading()
            self._frames.dataReceived(held)

    # What the factory calls.

    def stop(self) -> None:
        """End soon: after the response that is on its way, or with 1001 for a WebSocket."""
        if self._socket is not None:
            self._socket.stop()
        elif self._codec is not None:
            self._codec.stop()
        else:
            self.close()

    @property
    def _wire(self) -> Transport:
        return cast(Transport, self.transport)

    def _choose_codec(self) -> Codec:
        context = self._register.context
        # Known once data arrives: the handshake is over then.
        is_http2 = getattr(self.transport, "negotiatedProtocol", None) == ALPN_HTTP2
        return Http2(self, context) if is_http2 else Http1(self, context)

    def _give(self, data: bytes) -> None:
        """Leave it to the transport when *data* is sent."""
        self._buffer = FILLED
        self._wire.write(data)

    def _send_past(self, send: Callable[[bytes], int | Exception], data: bytes) -> None:
        """Send *data* past the transport's buffer, which is empty. What does not go now, or fails, is left to it."""
        sent = send(data)
        if sent != len(data):
            self._give(data[sent:] if isinstance(sent, int) and sent > 0 else data)

    def _flow(self) -> None:
        """Give the transport of the backlog what it takes."""
        while self._backlog and not self._is_blocked:
            self._give(self._backlog.take())
        if not self._backlog:
            self._backlog = None

    def _close_wire(self) -> None:
        self._stop_limiting()
        self._wire.unregisterProducer()  # a TLS transport does not close before
        context = self._register.context
        self._patience = Goodbye(context.reactor, self._wire, context.options.write_timeout_s, self._give_up)
        self._patience.start()

    def _limit_writing(self) -> None:
        """From now on the client is to take something of what was written."""
        if self._patience is None:
            reactor, limit_s = self._register.context.reactor, self._register.context.options.write_timeout_s
            self._patience = Patience(reactor, limit_s, lambda: self.untaken_size, self._give_up)
            self._patience.start()

    def _stop_limiting(self) -> None:
        patience, self._patience = self._patience, None  # it knows this connection: see connectionLost()
        if patience is not None:
            patience.stop()

    def _give_up(self) -> None:
        context = self._register.context
        context.faults.note("slow reader", self.origin.name, context.reactor.seconds())
        self.abort()

    def _stop_timers(self) -> None:
        self._idle_timer.stop()
        self._stop_limiting()


def _address(address: object) -> Address:
    """Return host and port, or None for an address that has none: a UNIX socket's."""
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    return [host, port] if host is not None and port is not None else None
