"""
Autobahn's WebSocket protocol on a transport of Twisted's. Used by ``framing``.

Autobahn has an adapter of its own, ``autobahn.twisted``. It serves WAMP too, so it loads cryptography and more (8 MB
in each server), and makes for each WebSocket two Deferreds and a description of the transport, which nobody here
asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import txaio
from autobahn.websocket.protocol import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from zmqlayer.interface.options import Reactor, Timer

__all__ = ["AdaptedFactory", "AdaptedProtocol"]


class _Nobody:
    """Who waits for a WebSocket to be open, or closed, by a Deferred."""

    def callback(self, result: object) -> None:
        """Nothing to do."""


class _Silence:
    """Autobahn's log: what clients do is counted as faults, and not told one by one."""

    def debug(self, *args: object, **values: object) -> None:
        """Nothing."""

    info = warn = error = failure = debug


class _Timers:
    """What Autobahn asks of its timers, on a given reactor instead of the global one."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor

    def call_later(self, delay: float, call: Callable[..., object], *args: object) -> Timer:
        return self._reactor.callLater(delay, call, *args)


class AdaptedFactory(WebSocketServerFactory):
    """The settings that WebSockets share."""

    def __init__(self, reactor: Reactor) -> None:
        txaio.use_twisted()
        super().__init__(server=None)
        self._batched_timer = _Timers(reactor)


class AdaptedProtocol(WebSocketServerProtocol):
    """One WebSocket: what Twisted calls and what Autobahn calls, brought together."""

    transport: Any
    is_open = is_closed = _Nobody()
    log = _Silence()

    def __init__(self) -> None:
        self.transport = None  # and not Autobahn's own constructor, which makes what this class replaces

    # What Twisted calls.

    def makeConnection(self, transport: object) -> None:
        """Twisted has a transport for this protocol."""
        self.transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """The transport can be used."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        self._connectionLost(reason)  # type: ignore[arg-type]  # it takes what Twisted gives

    # What Autobahn calls: the hooks that its documentation names, by the names that it calls them by.

    def _onOpen(self) -> None:
        self.onOpen()

    def _onMessageBegin(self, isBinary: bool) -> None:
        self.onMessageBegin(isBinary)

    def _onMessageFrameBegin(self, length: int) -> None:
        self.onMessageFrameBegin(length)

    def _onMessageFrameData(self, payload: bytes) -> None:
        self.onMessageFrameData(payload)

    def _onMessageFrameEnd(self) -> None:
        self.onMessageFrameEnd()

    def _onMessageEnd(self) -> None:
        self.onMessageEnd()

    def _onPing(self, payload: bytes) -> None:
        self.onPing(payload)

    def _onPong(self, payload: bytes) -> None:
        self.onPong(payload)

    def _onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.onClose(wasClean, code, reason)

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """Let the transport pause *producer*."""
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Let the transport pause nobody."""
        self.transport.unregisterProducer()
