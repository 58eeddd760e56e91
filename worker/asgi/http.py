"""
One request and its response.

The server is invited to tell this worker of the client's end (``events_channel``) only where that is of use: where the
application waits for it for longer than most answers take, or where the response goes in several messages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from typing import Any, Final

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.messages import EVENTS_PATTERN, HTTP_DISCONNECT, Message
from zmqlayer.ports import ReplyChannel
from zmqlayer.twisted import ReactorLayer
from zmqlayer.worker.asgi.conversation import Conversation
from zmqlayer.worker.asgi.exceptions import ClientGone
from zmqlayer.worker.asgi.responses import Response
from zmqlayer.worker.asgi.scopes import http_scope
from zmqlayer.worker.asgi.types import Event
from zmqlayer.worker.asgi.uploads import Upload

__all__ = ["HttpConversation"]

logger = logging.getLogger(__name__)

INVITE_AFTER_S: Final = 0.05
PIECE_SIZE: Final = 65_536
DISCONNECT: Final[Event] = {"type": HTTP_DISCONNECT}


class HttpConversation(Conversation):
    """
    A request that an application answers.

    Args:
        message: As it came on ``http.request``.
        state: Of the application's lifespan.

    Raises:
        KeyError, TypeError, ValueError: It is no such message.
    """

    __slots__ = ("_body", "_events", "_is_over", "_response", "_timer", "_upload")

    def __init__(self, layer: ReactorLayer, message: Message, state: dict[str, Any]) -> None:
        super().__init__(layer, message["reply_channel"], http_scope(message, state))
        most = layer.layer.node.config.max_message_size // 2  # as much is left for the headers
        self._response = Response(message["method"], min(PIECE_SIZE, most))
        self._body: bytes | None = message.get("body") or b""
        channel = message.get("body_channel")
        self._upload = Upload(layer.layer, channel) if channel else None
        self._is_over: asyncio.Event | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._events: ReplyChannel | None = None

    async def receive(self) -> Event:
        """Return the next piece of the body, then wait until the client leaves, or has its response."""
        if self.is_gone:
            return DISCONNECT.copy()
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": self._upload is not None}
        if self._upload is not None and not self._upload.is_complete:
            self._follow()
            piece = await self._upload.next()
            if piece is not None:
                return {"type": "http.request", "body": piece, "more_body": not self._upload.is_complete}
            self._lose()
        elif not self._response.is_complete:
            await self._wait_for_end()
        return DISCONNECT.copy()

    async def send(self, event: Event) -> None:
        """
        Send a part of the response; returns when the mesh has it.

        Raises:
            ClientGone: Nobody waits for it any more.
            TypeError: Something in it is of the wrong type.
            RuntimeError: It is not its turn.
            MessageTooLarge: The headers are.
        """
        was_answered = self._response.is_answered
        parts = self._response.read(event)
        if was_answered and not self._response.is_complete:
            self._lose()  # content after HEAD may have no end, and nobody hears of it
        if self.is_gone:
            raise ClientGone("the client has left, or has all it may have")
        if not parts:
            self._finish_if_complete()
            return
        try:
            await self._deliver(self._watched(parts))
        except (ZmqLayerError, asyncio.CancelledError):
            self._response.lose()
            raise
        self._finish_if_complete()

    async def _conclude(self, is_failed: bool) -> None:
        if self._is_cut:
            last = self._response.break_off(503, "The worker is stopping. Please try again.")
        else:
            if not (is_failed or self._response.is_complete):
                logger.error("the application returned from %s without the end of its response", self.name)
            last = self._response.break_off(500, "The application failed. The worker's log says why.")
        if last is not None:
            await self._deliver([last])

    def _went(self) -> None:
        self._finish()

    def _end(self) -> None:
        super()._end()
        self._finish()
        if self._events is not None:
            self._events.close()

    def _finish(self) -> None:
        """The client has left, or has all: nothing need be waited for."""
        if self._timer is not None:
            self._timer.cancel()
        if self._upload is not None:
            self._upload.end()
        if self._is_over is not None:
            self._is_over.set()

    def _finish_if_complete(self) -> None:
        if self._response.is_complete:
            self._finish()

    async def _wait_for_end(self) -> None:
        if self._is_over is None:
            self._is_over = asyncio.Event()
            self._follow()
            if self._events is None:
                self._timer = asyncio.get_running_loop().call_later(INVITE_AFTER_S, self._invite)
        await self._is_over.wait()

    def _watched(self, parts: Iterable[Message]) -> Iterator[Message]:
        """Iterate over *parts*; if the first is not the last, learn from here on when the client leaves."""
        for part in parts:
            if part["more_content"] and self._following is None:
                self._follow()
            if part["more_content"] and self._events is None:
                yield {**part, "events_channel": self._open_events()}
            else:
                yield part
            self._response.sent()  # or the next one were not asked for

    def _invite(self) -> None:
        if self._events is None and not self.is_gone:
            try:
                self._layer.send(self._reply, {"events_channel": self._open_events()})
            except ZmqLayerError as exc:
                logger.debug("nobody tells when the client of %s leaves: %s", self.name, exc)

    def _open_events(self) -> str:
        self._events = self._layer.open_channel(EVENTS_PATTERN, self._hear)
        return self._events.name

    def _hear(self, message: Message) -> None:
        if message.get("type") == HTTP_DISCONNECT:
            self._lose()
