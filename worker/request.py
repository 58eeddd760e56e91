"""``AsgiRequest``: Django's request, made from a message on ``http.request``."""

from __future__ import annotations

import re
import sys
import time
from io import BytesIO
from typing import Any, Final

from django.core.handlers.asgi import ASGIRequest
from django.urls import ResolverMatch

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.messages import Message as Content
from zmqlayer.worker.body import BodyPieces, open_body
from zmqlayer.worker.channel import Channel
from zmqlayer.worker.later import ResponseLater
from zmqlayer.worker.message import Message
from zmqlayer.worker.outbox import current_outbox

__all__ = ["ANY", "AsgiRequest", "BadRequest", "Sighting"]

ANY: Final = object()
"""In place of a language: no path of the URLconf is translated."""

METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class BadRequest(ZmqLayerError):
    """A message on ``http.request`` from which no request can be made."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


class Sighting:
    """
    What the URLconf said of a path before the request was made.

    Args:
        is_for_loop: Whether the view is a coroutine function.
        language: The language that was active then, if some path depends on it.
    """

    __slots__ = ("is_for_loop", "language", "match", "path_info")

    def __init__(
        self, path_info: str, match: ResolverMatch, *, is_for_loop: bool, language: str | object | None = ANY
    ) -> None:
        self.path_info = path_info
        self.match = match
        self.is_for_loop = is_for_loop
        self.language = language


class AsgiRequest(ASGIRequest):
    """
    A request whose body came with its message, or follows in pieces on the message's ``body_channel``.

    The keys of the 2016 draft are those of ASGI 3, but for the body, so Django's own class reads them
    and its security fixes hold here too.

    Args:
        body: The whole body, if it was collected already.

    Attributes:
        message: The message it was made from.
        reply_channel: Where the response goes.
        sighting: What is known already of its view.

    Raises:
        BadRequest: The message lacks a key, or has something in it that no server should send.
    """

    ResponseLater = ResponseLater

    def __init__(self, message: Message, body: Any = None) -> None:
        content = message.content
        _check(content)
        first: bytes = content.get("body") or b""
        channel: str | None = content.get("body_channel")
        try:
            stream = _open(message, first, channel) if body is None else body
            super().__init__({"type": "http", **content}, stream)
        except (AttributeError, LookupError, TypeError, ValueError) as exc:
            raise BadRequest(f"cannot be read: {type(exc).__name__}: {exc}") from exc
        self.message = message
        self.reply_channel: Channel | None = message.reply_channel
        self.sighting: Sighting | None = None
        # A chunked request has no Content-Length, but the multipart parser reads nothing without it.
        if first and not channel:
            self.META["CONTENT_LENGTH"] = str(len(first))
        elif channel and "CONTENT_LENGTH" not in self.META and self.content_type == "multipart/form-data":
            self.META["CONTENT_LENGTH"] = str(sys.maxsize)


def _check(content: Content) -> None:
    path, method = content.get("path"), content.get("method")
    if not isinstance(path, str):
        raise BadRequest(f"has {path!r:.80} for a path, which is no text")
    if not isinstance(method, str) or not METHOD.fullmatch(method):
        raise BadRequest(f"has {method!r:.80} for a method, which is none")
    if not isinstance(content.get("query_string", b""), bytes | str):
        raise BadRequest("has a query_string that is neither bytes nor text")


def _open(message: Message, first: bytes, channel: str | None) -> Any:
    return _open_pieces(message, first, channel) if channel else BytesIO(first)


def _open_pieces(message: Message, first: bytes, channel: str) -> Any:
    layer, reply = message.channel_layer, message.reply_channel

    def receive() -> Content | None:
        return layer.receive([channel], block=True)[1]

    def is_awaited() -> bool:
        return reply is None or layer.is_open(reply.name)

    outbox = current_outbox()
    clock = time.monotonic if outbox is None else outbox.patience.clock
    return open_body(BodyPieces(first, receive, is_awaited, clock))
