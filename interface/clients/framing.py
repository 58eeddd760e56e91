"""Autobahn's side of a WebSocket: frames, pings, size limits, UTF-8, the closing handshake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from zmqlayer.interface.options import Reactor, ServerOptions, Timer

__all__ = ["FrameListener", "Frames", "FramesFactory"]

NO_CODE = 1005
"""Told of a close frame without a code (RFC 6455, 7.4.1); never sent."""


class FrameListener(Protocol):
    """What an open WebSocket tells, and a producer that the transport may pause."""

    def received(self, payload: str | bytes) -> None:
        """A whole message arrived: text as str."""

    def lost(self, code: int) -> None:
        """The connection is closed; nothing follows. 1006 without a closing handshake."""

    def pauseProducing(self) -> None:
        """Send nothing for now: the client reads more slowly than we write."""

    def resumeProducing(self) -> None:
        """Go on sending."""

    def stopProducing(self) -> None:
        """Send nothing more."""


class FramesFactory(WebSocketServerFactory):
    """The settings that all WebSockets of one server share."""

    def __init__(self, options: ServerOptions, reactor: Reactor) -> None:
        super().__init__(reactor=reactor, server=None)
        self._batched_timer = _Timers(reactor)
        self.setProtocolOptions(
            versions=[13],
            webStatus=False,
            failByDrop=False,
            maxMessagePayloadSize=options.websocket_max_message_size,
            maxFramePayloadSize=options.websocket_max_message_size,
            autoPingInterval=options.ping_interval_s,
            autoPingTimeout=options.ping_timeout_s,
            allowNullOrigin=True,
        )

    def open(self, listener: FrameListener) -> Frames:
        """Return the protocol for one accepted WebSocket; it still needs a transport and its request head."""
        frames = Frames(listener)
        frames.factory = self
        return frames


class Frames(WebSocketServerProtocol):
    """One WebSocket that a worker has accepted."""

    def __init__(self, listener: FrameListener) -> None:
        super().__init__()
        self._listener = listener

    def onOpen(self) -> None:
        self.registerProducer(self._listener, True)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._listener.received(payload if isBinary else payload.decode("utf-8"))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self._listener.lost(NO_CODE if code is None else code)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.closeHandshakeTimeoutCall is not None:
            self.closeHandshakeTimeoutCall.cancel()
            self.closeHandshakeTimeoutCall = None
        super().connectionLost(reason)

    def send(self, payload: str | bytes) -> None:
        """Send one message; text if *payload* is a str. Does nothing once the closing handshake has begun."""
        if isinstance(payload, str):
            self.sendMessage(payload.encode("utf-8"), isBinary=False)
        else:
            self.sendMessage(payload, isBinary=True)

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake; a client that does not answer within a second is cut off."""
        # sendClose() refuses the codes from 1001 to 1014, which servers need.
        self.sendCloseFrame(code=code, reasonUtf8=reason.encode("utf-8"))


class _Timers:
    """What Autobahn asks of its timers, on a given reactor instead of the global one."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor

    def call_later(self, delay: float, call: Callable[..., object], *args: object) -> Timer:
        return self._reactor.callLater(delay, call, *args)
