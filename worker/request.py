"""``AsgiRequest``: Django's request, made from a message on ``http.request``."""

from __future__ import annotations

import sys
import time
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest

from zmqlayer.messages import Message as Content
from zmqlayer.worker.body import BodyPieces, open_body
from zmqlayer.worker.channel import Channel
from zmqlayer.worker.message import Message
from zmqlayer.worker.outbox import current_outbox

__all__ = ["AsgiRequest"]


class AsgiRequest(ASGIRequest):
    """
    A request whose body came with its message, or follows in pieces on the message's ``body_channel``.

    The keys of the 2016 draft are those of ASGI 3, but for the body, so Django's own class reads them
    and its security fixes hold here too.

    Attributes:
        message: The message it was made from.
        reply_channel: Where the response goes.

    Raises:
        UnicodeDecodeError: The query string is not UTF-8.
    """

    def __init__(self, message: Message) -> None:
        body: bytes = message.get("body") or b""
        channel: str | None = message.get("body_channel")
        stream = _open_pieces(message, body, channel) if channel else BytesIO(body)
        super().__init__({"type": "http", **message.content}, stream)
        self.message = message
        self.reply_channel: Channel | None = message.reply_channel
        # A chunked request has no Content-Length, but the multipart parser reads nothing without it.
        if body and not channel:
            self.META["CONTENT_LENGTH"] = str(len(body))
        elif channel and "CONTENT_LENGTH" not in self.META and self.content_type == "multipart/form-data":
            self.META["CONTENT_LENGTH"] = str(sys.maxsize)


def _open_pieces(message: Message, first: bytes, channel: str) -> Any:
    layer, reply = message.channel_layer, message.reply_channel

    def receive() -> Content | None:
        return layer.receive([channel], block=True)[1]

    def is_awaited() -> bool:
        return reply is None or layer.is_open(reply.name)

    outbox = current_outbox()
    clock = time.monotonic if outbox is None else outbox.patience.clock
    return open_body(BodyPieces(first, receive, is_awaited, clock))
