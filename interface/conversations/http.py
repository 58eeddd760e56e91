"""The mesh's side of one HTTP request: the message that asks, and the messages that answer."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from enum import Enum, auto
from typing import Protocol, cast

from zmqlayer.exceptions import ChannelFull, MessageTooLarge, ZmqLayerError
from zmqlayer.interface.clients.head import Field, Head
from zmqlayer.interface.clients.pages import too_large
from zmqlayer.interface.conversations.replies import BadReply, Piece, ResponseStart, read_piece, read_response_start
from zmqlayer.interface.conversations.translate import Ends, http_disconnect, http_request
from zmqlayer.interface.options import Context, Timer
from zmqlayer.messages import HTTP_DISCONNECT, HTTP_REQUEST, HTTP_RESPONSE_PATTERN, Message
from zmqlayer.ports import ReplyChannel

__all__ = ["Exchange", "Respondent"]

logger = logging.getLogger(__name__)


class Respondent(Protocol):
    """What an exchange needs of the client's side of the request."""

    @property
    def is_congested(self) -> bool: ...
    def begin(self, status: int, fields: Iterable[Field]) -> None: ...
    def write(self, data: bytes) -> None: ...
    def finish(self) -> None: ...
    def refuse(self, status: int, sentence: str) -> None: ...
    def abort(self) -> None: ...
    def invite_body(self) -> None: ...


class Stage(Enum):
    """How far an exchange is. It only moves forward, and may leave stages out."""

    NEW = auto()
    WAITING = auto()  # for the first message of the response
    ANSWERING = auto()
    OVER = auto()


class Exchange:
    """
    One request and its response.

    While the client is slow, the reply channel is paused, so that the worker feels it as ``ChannelFull``.
    """

    def __init__(self, request: Respondent, context: Context, head: Head, ends: Ends) -> None:
        self._request = request
        self._context = context
        self._head = head
        self._ends = ends
        self._stage = Stage.NEW
        self._reply: ReplyChannel | None = None
        self._timer: Timer | None = None
        self._has_content = True
        self._owed: int | None = None
        self._body: list[bytes] = []
        self._room = context.options.max_message_size

    def start(self) -> None:
        """Wait for the body, unless it is announced as too large."""
        lengths = self._head.values(b"content-length")
        if lengths and int(lengths[0]) > self._room:
            self._refuse_body()
        else:
            self._request.invite_body()

    def received(self, data: bytes) -> None:
        """Keep a piece of the body."""
        self._room -= len(data)
        if self._room < 0:
            self._refuse_body()
        else:
            self._body.append(data)

    def completed(self) -> None:
        """Send the request to the mesh and wait for the answer."""
        body, self._body = b"".join(self._body), []
        layer = self._context.layer
        self._reply = layer.open_channel(HTTP_RESPONSE_PATTERN, self.deliver)
        message = http_request(self._head, self._ends, self._reply.name, body)
        try:
            layer.send(HTTP_REQUEST, cast(Message, message))
        except ChannelFull as exc:
            self._refuse(503, "Too many requests are waiting for a worker. Please try again.", exc)
        except MessageTooLarge as exc:
            self._refuse(413, too_large(exc.limit), exc)
        except ZmqLayerError as exc:
            self._refuse(503, "This server is not connected to its workers. Please try again.", exc)
        else:
            self._wait()

    def deliver(self, message: Message) -> None:
        """Send the client one message of the response."""
        if self._stage is Stage.OVER:
            return
        try:
            piece = read_piece(message)
            if piece.is_broken_off:
                self._give_up("broken off")
                return
            if self._stage is Stage.WAITING:
                self._begin(read_response_start(message), piece)
            self._write(piece)
        except BadReply as exc:
            self._give_up(f"malformed: {exc}")

    def client_gone(self) -> None:
        """Stop waiting, and tell the workers."""
        if self._stage in (Stage.NEW, Stage.OVER):
            self._stage = Stage.OVER
            return
        name = self._end()
        try:
            message = http_disconnect(name, self._head.path)
            self._context.layer.send(HTTP_DISCONNECT, cast(Message, message))
        except ZmqLayerError as exc:
            logger.debug("nobody is told that the client of %s is gone: %s", name, exc)

    def pauseProducing(self) -> None:
        """Leave the response's messages unread: the client is slow."""
        if self._reply is not None:
            self._reply.pause()

    def resumeProducing(self) -> None:
        """Read on."""
        if self._reply is not None:
            self._reply.resume()

    def stop(self) -> None:
        """Nothing to do: the response may take its time."""

    def _wait(self) -> None:
        self._stage = Stage.WAITING
        timeout_s = self._context.options.http_timeout_s
        self._timer = self._context.reactor.callLater(timeout_s, self._time_out)
        if self._request.is_congested:
            self.pauseProducing()

    def _refuse_body(self) -> None:
        self._stage = Stage.OVER
        self._body.clear()
        self._request.refuse(413, too_large(self._context.options.max_message_size))

    def _time_out(self) -> None:
        timeout_s = self._context.options.http_timeout_s
        self._refuse(503, f"No worker answered within {timeout_s:g} seconds. Please try again.")

    def _begin(self, start: ResponseStart, first: Piece) -> None:
        self._has_content = start.has_content and self._head.method != "HEAD"
        self._owed = start.length if self._has_content else None
        self._check_length(first)
        self._stage = Stage.ANSWERING
        self._stop_timer()
        self._request.begin(start.status, start.fields)

    def _write(self, piece: Piece) -> None:
        self._check_length(piece)
        if self._owed is not None:
            self._owed -= len(piece.content)
        self._request.write(piece.content if self._has_content else b"")
        if piece.is_last:
            self._end()
            self._request.finish()

    def _check_length(self, piece: Piece) -> None:
        """Hold the response to its Content-Length: a client would take the surplus for the next response."""
        if self._owed is None:
            return
        if len(piece.content) > self._owed:
            raise BadReply("content", f"is {len(piece.content) - self._owed:,} bytes longer than Content-Length says")
        if piece.is_last and len(piece.content) < self._owed:
            raise BadReply("content", f"ends {self._owed - len(piece.content):,} bytes before Content-Length says")

    def _give_up(self, fault: str) -> None:
        logger.error("the worker's response to %s %s is %s", self._head.method, self._head.path, fault)
        if self._stage is Stage.ANSWERING:
            self._end()
            self._request.abort()
        else:
            self._refuse(500, "The worker's response could not be sent. The server's log says why.")

    def _refuse(self, status: int, sentence: str, exc: ZmqLayerError | None = None) -> None:
        name = self._end()
        if exc is not None:
            logger.debug("%d for the request of %s: %s", status, name, exc)
        self._request.refuse(status, sentence)

    def _end(self) -> str:
        """Take no more messages; return the name of the reply channel."""
        self._stage = Stage.OVER
        self._stop_timer()
        assert self._reply is not None  # completed() opens it first of all
        self._reply.close()
        return self._reply.name

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
