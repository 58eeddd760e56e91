"""
One WebSocket, held by this worker from its handshake to its end.

The server is invited at once, so that all that the client says comes here, in order. It stays in its channel until the
application asks for it: one that does not receive holds back its client.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import Any, Final

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.messages import EVENTS_PATTERN, WEBSOCKET_CONNECT, WEBSOCKET_DISCONNECT, WEBSOCKET_RECEIVE, Message
from zmqlayer.twisted import ReactorLayer
from zmqlayer.worker.asgi.conversation import Conversation
from zmqlayer.worker.asgi.exceptions import ClientGone
from zmqlayer.worker.asgi.scopes import websocket_scope
from zmqlayer.worker.asgi.sockets import INTERNAL_ERROR, NORMAL, SERVICE_RESTART, Socket
from zmqlayer.worker.asgi.types import Event

__all__ = ["WebSocketConversation"]

logger = logging.getLogger(__name__)

ABNORMAL: Final = 1006
STATUS_OF: Final = {NORMAL: 500, INTERNAL_ERROR: 500, SERVICE_RESTART: 503}
"""How a handshake is answered that ends so before the application has accepted."""


class WebSocketConversation(Conversation):
    """
    A WebSocket that an application serves.

    Args:
        message: As it came on ``websocket.connect``.
        state: Of the application's lifespan.

    Raises:
        KeyError, TypeError, ValueError: It is no such message.
    """

    __slots__ = ("_end_event", "_events", "_farewell", "_order", "_ready", "_socket", "_waiting")

    def __init__(self, layer: ReactorLayer, message: Message, state: dict[str, Any]) -> None:
        super().__init__(layer, message["reply_channel"], websocket_scope(message, state))
        self._socket = Socket(self.scope["subprotocols"])
        self._ready: deque[Event] = deque([{"type": WEBSOCKET_CONNECT}])
        self._waiting: deque[asyncio.Future[Event]] = deque()
        self._end_event: Event | None = None
        self._order = 0
        self._farewell: asyncio.Task[None] | None = None
        self._events = layer.open_channel(EVENTS_PATTERN, self._hear)
        self._events.pause()

    async def receive(self) -> Event:
        """Return what the client does next, after waiting for it; its end again and again."""
        event = self._next()
        if event is not None:
            return event
        waiting: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():  # it was on its way: for the next call
                self._ready.appendleft(waiting.result())
            raise

    async def send(self, event: Event) -> None:
        """
        Accept, send or close; returns when the mesh has it.

        Raises:
            ClientGone: Nobody is there any more.
            TypeError, ValueError: Something in it is wrong.
            RuntimeError: It is not its turn.
            MessageTooLarge: It is.
        """
        if self._socket.is_rest(event):
            return
        if self.is_gone:
            raise ClientGone("the client has left")
        message = self._socket.read(event)
        try:
            await self._deliver([message])
        except (ZmqLayerError, asyncio.CancelledError):
            self._socket.undo()
            raise
        if "close" in message and self._socket.is_refused:
            self._tell_end(ABNORMAL)  # a server tells no end of what its worker refused

    def stop(self) -> None:
        """The worker stops: the client may connect again, to another."""
        self._break_off(SERVICE_RESTART, "the worker stops")

    async def _begin(self) -> None:
        self._follow()
        await self._deliver([{"events_channel": self._events.name}])

    async def _conclude(self, is_failed: bool) -> None:
        if self._socket.is_closed:
            return
        if not (is_failed or self._socket.is_open):
            logger.error("the application returned from %s without an answer to its handshake", self.name)
        code = SERVICE_RESTART if self._is_cut else INTERNAL_ERROR if is_failed else NORMAL
        message = self._socket.end(code, STATUS_OF[code])
        if message is not None:
            await self._deliver([message])

    async def _settle(self, *, is_failed: bool) -> None:
        await super()._settle(is_failed=is_failed)
        if self._farewell is not None:
            await self._farewell

    def _went(self) -> None:
        if self._waiting:  # else what is still unread comes first, and perhaps the true code with it
            self._tell_end(ABNORMAL)

    def _end(self) -> None:
        super()._end()
        self._events.close()

    def _next(self) -> Event | None:
        """Return the next event that is there; if there is none, the next one is told to who waits."""
        if not self._ready and self._end_event is None and (message := self._events.take()) is not None:
            self._hear(message)
        if self._ready:
            return self._ready.popleft()
        if self._end_event is None and self.is_gone:
            self._tell_end(ABNORMAL)
        return self._end_event and self._end_event.copy()

    def _hear(self, message: Message) -> None:
        """Take one message of the server."""
        self._events.pause()
        if self._end_event is not None:
            return
        kind = message.get("type")
        self._order += 1
        if message.get("order") != self._order:
            logger.error("a message of the client was lost on its way to %s", self.name)
            self._break_off(INTERNAL_ERROR, "a message was lost")
        elif kind == WEBSOCKET_RECEIVE:
            self._tell({"type": kind, "bytes": message.get("bytes"), "text": message.get("text")})
        elif kind == WEBSOCKET_DISCONNECT:
            self.is_gone = True
            self._tell_end(message.get("code", ABNORMAL), message.get("reason", ""))

    def _tell(self, event: Event) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(event)
                break
        else:
            self._ready.append(event)
        if self._waiting:
            self._events.resume()

    def _tell_end(self, code: int, reason: str = "") -> None:
        """Tell the application, whenever it asks from now on, that there is nothing to hear any more."""
        if self._end_event is not None:
            return
        self._end_event = {"type": WEBSOCKET_DISCONNECT, "code": code, "reason": reason}
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(self._end_event.copy())

    def _break_off(self, code: int, reason: str) -> None:
        """Close with *code*, and tell both sides; what the client said and nobody has heard is dropped."""
        self._ready.clear()
        self._tell_end(code, reason)
        message = None if self.is_gone else self._socket.end(code, STATUS_OF[code])
        self.is_gone = True
        if message is not None:
            self._farewell = asyncio.get_running_loop().create_task(self._say_farewell(message))

    async def _say_farewell(self, message: Message) -> None:
        """Send the last message, behind what the application is sending."""
        with suppress(ClientGone, ZmqLayerError):
            await self._deliver([message])
