"""``AsgiRequest``: Django's request, made from a message on ``http.request``."""

from __future__ import annotations

from io import BytesIO

from django.core.handlers.asgi import ASGIRequest

from zmqlayer.worker.channel import Channel
from zmqlayer.worker.message import Message

__all__ = ["AsgiRequest"]


class AsgiRequest(ASGIRequest):
    """
    A request whose body came whole with its message.

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
        super().__init__({"type": "http", **message.content}, BytesIO(body))
        self.message = message
        self.reply_channel: Channel | None = message.reply_channel
        if body:
            # A chunked request has no Content-Length, but the multipart parser reads nothing without it.
            self.META["CONTENT_LENGTH"] = str(len(body))
