"""
Autobahn's side of a WebSocket: frames, fragments, control frames, the closing handshake.

What is ours: the opening handshake, which is answered before (``handshake``); messages put together (``assembly``); a
stop to reading that holds back what was read already; pings (``heartbeat``); compression (``compression``).

After a client's mistake nothing more of it is read (RFC 6455, 7.1.7). The connection is closed in our direction at
once; what the client sends is thrown away until it has had a second to read the close frame that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol, cast

from autobahn.util import encode_truncate
from autobahn.websocket.protocol import TrafficStats
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from zmqlayer.interface.clients.adapter import AdaptedFactory, AdaptedProtocol
from zmqlayer.interface.clients.assembly import Assembly, BadMessage
from zmqlayer.interface.clients.compression import Deflate
from zmqlayer.interface.clients.extensions import Agreement
from zmqlayer.interface.clients.goodbye import Goodbye
from zmqlayer.interface.clients.heartbeat import Heartbeat
from zmqlayer.interface.clients.kernel import untaken_size
from zmqlayer.interface.options import Context

__all__ = ["FrameListener", "Frames", "FramesFactory"]

NO_CODE: Final = 1005
"""Told of a close frame without a code (RFC 6455, 7.4.1); never sent."""
FAULTS: Final = {
    1002: "a WebSocket frame that breaks the protocol",
    1007: "a WebSocket message that cannot be decoded",
    1009: "a WebSocket message or frame that is too large",
}
TEXT: Final = 1
BINARY: Final = 2
COMPRESSED: Final = 4
"""The first of the reserved bits (RFC 7692, 6)."""
WORTH_COMPRESSING: Final = 128
"""Bytes. A smaller message hardly shrinks without the context of those before it."""
STEP: Final = 4096
"""Autobahn copies what is left of its input for each frame, so it is given little at a time."""
LONGEST_REASON: Final = 123
"""Bytes: a control frame has 125 (RFC 6455, 5.5), and the code takes two."""
UNUSED: Final = ("send_queue", "utf8validator")
"""Of Autobahn's attributes."""
SLACK: Final = 64
"""By how much compression may enlarge what cannot be compressed: this, and five bytes for each kilobyte."""


class FrameListener(Protocol):
    """What an open WebSocket tells."""

    @property
    def is_busy(self) -> bool:
        """Whether what was received still waits for an answer; then ``resume`` follows."""

    def received(self, payload: str | bytes) -> None:
        """A whole message arrived: text as str."""

    def lost(self, code: int, reason: str = "") -> None:
        """The connection is closed; nothing follows. 1006 without a closing handshake; *reason* is the client's."""

    def pauseProducing(self) -> None:
        """Send nothing for now: the client reads more slowly than we write."""

    def resumeProducing(self) -> None:
        """Go on sending."""

    def expired(self) -> None:
        """It was open for as long as it may be: close it."""


class Transport(Protocol):
    """What every transport of Twisted's has that may carry a WebSocket; it has no one interface of its own for that."""

    def write(self, data: bytes) -> None: ...
    def registerProducer(self, producer: object, streaming: bool) -> None: ...
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def unregisterProducer(self) -> None: ...
    def loseWriteConnection(self) -> None: ...
    def loseConnection(self) -> None: ...
    def abortConnection(self) -> None: ...


class FramesFactory(AdaptedFactory):
    """The settings that all WebSockets of one server share."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.reactor)
        options = context.options
        self.context = context
        self.limit = options.websocket_max_message_size
        largest = self.limit + self.limit // 200 + SLACK
        self.setProtocolOptions(
            webStatus=False,
            failByDrop=False,
            utf8validateIncoming=False,
            maxMessagePayloadSize=largest,
            maxFramePayloadSize=min(options.websocket_max_frame_size, largest),
            openHandshakeTimeout=0,
            echoCloseCodeReason=True,
            autoPingInterval=0,
        )
        # Autobahn copies each setting into each protocol, unless the protocol's class has it already.
        self.traffic = TrafficStats()
        settings = {name: getattr(self, name) for name in AdaptedProtocol.CONFIG_ATTRS}
        self._frames: type[Frames] = type("Frames", (Frames,), {"CONFIG_ATTRS": [], **settings})

    def open(self, listener: FrameListener, answer: bytes, compression: Agreement | None, client: str) -> Frames:
        """
        Return the protocol for one accepted WebSocket; it still needs a transport.

        Args:
            answer: The response to the handshake, the first that is written.
            client: The client's address, for the log.
        """
        frames = self._frames(listener, answer, compression, client)
        frames.factory = self
        return frames


class Frames(AdaptedProtocol):
    """One WebSocket that a worker has accepted: Twisted's protocol, and the producer of what the worker sends."""

    factory: FramesFactory

    def __init__(self, listener: FrameListener, answer: bytes, compression: Agreement | None, client: str) -> None:
        super().__init__()
        self.is_paused = False
        self.is_congested = False
        self._listener = listener
        self._answer = answer
        self._deflate = None if compression is None else Deflate(compression)
        self._client = client
        self._heartbeat: Heartbeat | None = None
        self._unread = b""
        self._is_reading = False
        self._message: Assembly | None = None
        self._is_compressed = False
        self._pong: bytes | None = None
        self._end: Callable[[], object] | None = None
        self._closing: Goodbye | None = None
        self._is_producer = False

    # What Twisted calls.

    def connectionMade(self) -> None:
        context = self.factory.context
        self._open()
        self._wire.registerProducer(self, True)
        self._is_producer = True
        answer, self._answer = self._answer, b""
        self._wire.write(answer)
        self._heartbeat = Heartbeat(self, context.options, context.reactor)
        self._heartbeat.start()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stop_heartbeat()
        if self._closing is not None:
            self._closing.stop()
        timer = self.closeHandshakeTimeoutCall
        if timer is not None and timer.active():
            timer.cancel()
        self._closing = self.closeHandshakeTimeoutCall = self._end = None
        super().connectionLost(reason)

    def ended(self) -> None:
        """The client shut down its side, and can answer nothing any more: close, once it has taken what was written."""
        self.dropConnection(abort=False)

    def dataReceived(self, data: bytes) -> None:
        if self._heartbeat is not None:
            self._heartbeat.heard()
        self._unread += data
        self._read()

    def pauseProducing(self) -> None:
        """The client does not take what was written: let the worker wait."""
        self.is_congested = True
        if self._heartbeat is not None:
            self._heartbeat.congested()
        self._listener.pauseProducing()

    def resumeProducing(self) -> None:
        """The client took everything: go on."""
        self.is_congested = False
        if self._heartbeat is not None:
            self._heartbeat.relieved()
        if self._pong is not None:
            pong, self._pong = self._pong, None
            self.sendPong(pong)
        self._listener.resumeProducing()

    def stopProducing(self) -> None:
        """Nothing to do: :meth:`connectionLost` follows."""

    # What a WebSocket calls.

    def send(self, payload: str | bytes) -> None:
        """Send one message; text if *payload* is a str. Does nothing once the closing handshake has begun."""
        if self.state != self.STATE_OPEN:
            return
        opcode, data = (TEXT, payload.encode("utf-8")) if isinstance(payload, str) else (BINARY, payload)
        if self._deflate is None or len(data) < WORTH_COMPRESSING:
            self.sendFrame(opcode, data)
        else:
            self.sendFrame(opcode, self._deflate.compress(data), rsv=COMPRESSED)

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake; a client that does not answer within a second is cut off."""
        # sendClose() refuses the codes from 1001 to 1014, which servers need.
        self.sendCloseFrame(code=code, reasonUtf8=encode_truncate(reason, LONGEST_REASON))
        self._stop_heartbeat()
        self.resume()

    def pause(self) -> None:
        """Pass no more messages on, not even those that were read already; let the client wait."""
        if not self.is_paused:
            self.is_paused = True
            self._wire.pauseProducing()

    def resume(self) -> None:
        """Go on, first with what was read already."""
        if self.is_paused:
            self.is_paused = False
            if self._heartbeat is not None:
                self._heartbeat.heard()
            if self.state == self.STATE_CLOSED:
                return
            self._wire.resumeProducing()
            end, self._end = self._end, None
            if end is not None:
                end()
            self._read()

    # What a heartbeat calls.

    @property
    def untaken_size(self) -> int:
        """See ``heartbeat.Patient``."""
        return untaken_size(self.transport)

    def ping(self) -> None:
        """See ``heartbeat.Patient``."""
        self.sendPing()

    def expire(self) -> None:
        """See ``heartbeat.Patient``."""
        self._listener.expired()

    def cut(self, fault: str = "") -> None:
        """See ``heartbeat.Patient``."""
        if fault:
            self._note(fault)
        self.dropConnection(abort=True)

    # What Autobahn calls.

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        self._wire.write(data)

    def unregisterProducer(self) -> None:
        if self._is_producer:
            self._is_producer = False
            self._wire.unregisterProducer()

    def processData(self) -> bool:
        return not self.is_paused and not self.failedByMe and bool(super().processData())

    def onMessageBegin(self, isBinary: bool) -> None:
        self.message_data_total_length = 0
        self._is_compressed = self.current_frame.rsv == COMPRESSED
        self._message = Assembly(self.factory.limit, not isBinary)

    def onMessageFrameBegin(self, length: int) -> None:
        super().onMessageFrameBegin(length)
        if self._message is not None and not self._is_compressed:
            with self._failing():
                self._message.check_size(self.message_data_total_length)

    def onMessageFrameData(self, payload: bytes) -> None:
        if self._message is not None and not self.failedByMe:
            with self._failing():
                self._message.add(payload)

    def onMessageFrameEnd(self) -> None:
        self.frame_data = []

    def onMessageEnd(self) -> None:
        message, self._message = self._message, None
        if message is not None and not self.failedByMe and self.state == self.STATE_OPEN:
            with self._failing():
                self._listener.received(message.whole())

    def onPing(self, payload: bytes) -> None:
        if self.is_congested:
            self._pong = payload  # only the last one must be answered (RFC 6455, 5.5.3)
        else:
            self.sendPong(payload)

    def onPong(self, payload: bytes) -> None:
        """Nothing to do: the heartbeat counts every byte as a sign of life."""

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool | None:
        if self._must_wait(partial(self.onCloseFrame, code, reasonRaw)):
            return None
        return super().onCloseFrame(code, reasonRaw)  # type: ignore[arg-type]  # None for a frame without them

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self._listener.lost(NO_CODE if code is None else code, reason if wasClean and reason else "")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Fail the connection if the client's message is bad."""
        try:
            yield
        except BadMessage as exc:
            self._fail_connection(exc.code, exc.sentence)

    def _fail_connection(self, code: int = 1001, reason: str = "") -> None:
        if self.failedByMe or self.state == self.STATE_CLOSED:
            return
        self._note(FAULTS.get(code, "a WebSocket that had to be closed"))
        self.failedByMe = True
        self._unread = b""
        if self.state != self.STATE_OPEN:
            self.dropConnection(abort=False)
        elif not self._must_wait(partial(self._break_off, code, reason)):
            self._break_off(code, reason)

    def _break_off(self, code: int, reason: str) -> None:
        """Close, and let the client see the end; until it has, or a second has passed, the transport still reads."""
        self.close(code, reason)
        self.unregisterProducer()
        if ISSLTransport.providedBy(self.transport):
            self._wire.loseConnection()  # waits for the other side's goodbye
        else:
            self._wire.loseWriteConnection()  # closed while there is something to read, it would be reset

    def _must_wait(self, end: Callable[[], object]) -> bool:
        """Whether *end* must wait, since what the client said before is still to be answered; then it is done later."""
        if self.state != self.STATE_OPEN or not self._listener.is_busy:
            return False
        self._end = end
        self.pause()
        return True

    def _closeConnection(self, abort: bool = False) -> None:
        """Close; a client that takes nothing of what is left to be written is cut off in the end."""
        self._stop_heartbeat()
        if abort and not self.wasClean:
            self._wire.abortConnection()
            return
        reactor, limit_s = self.factory.context.reactor, self.factory.context.options.write_timeout_s
        self._closing = Goodbye(reactor, self._wire, limit_s, self._wire.abortConnection)
        self._closing.start()

    @property
    def _wire(self) -> Transport:
        return cast(Transport, self.transport)

    def _open(self) -> None:
        """Put Autobahn into the state after an opening handshake, which it has no part in."""
        self.peer = self._client
        self._connectionMade()
        self.state = self.STATE_OPEN
        self.websocket_version = 13
        self.inside_message = False
        self.current_frame = None  # type: ignore[assignment]  # what Autobahn itself has between frames
        self._perMessageCompress = self._deflate  # type: ignore[assignment]  # likewise where none is agreed on
        self.trafficStats = self.factory.traffic
        for name in UNUSED:
            delattr(self, name)

    def _read(self) -> None:
        if self._is_reading:
            return
        self._is_reading = True
        try:
            while not (self.is_paused or self.failedByMe or self.state == self.STATE_CLOSED):
                step, self._unread = self._unread[:STEP], self._unread[STEP:]
                self._dataReceived(step)
                if not self._unread:
                    break
        finally:
            self._is_reading = False
        if self.failedByMe or self.state == self.STATE_CLOSED:
            self._unread = b""

    def _stop_heartbeat(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.stop()
            self._heartbeat = None

    def _note(self, fault: str) -> None:
        context = self.factory.context
        context.faults.note(fault, self._client, context.reactor.seconds())
