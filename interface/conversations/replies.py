"""
From the mesh to a client: what the messages of a worker, in the format of the 2016 ASGI draft, make a response.

Pure. A message is checked in full before a byte of it is written, so that one which cannot be sent is found while a
proper error can still be answered. WebSockets have ``websocket_replies``; the other direction is ``translate``.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self, TypeVar

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.interface.clients.head import TOKEN, Field
from zmqlayer.messages import NO_CONTENT, Message

__all__ = [
    "HOP_BY_HOP",
    "BadReply",
    "Piece",
    "ResponseStart",
    "read_header",
    "read_piece",
    "read_response_start",
    "take",
]

HOP_BY_HOP: Final = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})
"""Fields about one TCP connection, which a worker cannot know: left out."""
PAIR: Final = [bytes, bytes]
NO_VALUE: Final = re.compile(rb"[\r\n\0]")

T = TypeVar("T")


class BadReply(ZmqLayerError):
    """A message on a reply channel is not in the format of its protocol: a mistake in the worker's code."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(key, problem)
        self.key = key
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.key!r} {self.problem}"


class ResponseStart(NamedTuple):
    """
    How a response begins.

    Attributes:
        length: Bytes of content that the header promises; None if it promises none.
    """

    status: int
    fields: tuple[Field, ...]
    length: int | None

    def with_length(self, length: int) -> Self:
        """Return the same with a header that promises so many bytes of content."""
        return type(self)(self.status, (*self.fields, (b"Content-Length", b"%d" % length)), length)

    @property
    def has_content(self) -> bool:
        """Whether content follows the head of a response with this status."""
        return self.status not in NO_CONTENT


class Piece(NamedTuple):
    """
    A piece of a response's content.

    Attributes:
        is_broken_off: Nothing follows although the response is not whole; the content counts for nothing.
    """

    content: bytes
    is_last: bool
    is_broken_off: bool = False


def read_response_start(message: Message) -> ResponseStart:
    """
    Read status and headers from the first message of a response.

    Raises:
        BadReply: A key is missing, or its value cannot be sent.
    """
    status = take(message, "status", int)
    if status is None:
        raise BadReply("status", "is missing from the first message of a response")
    if not 200 <= status <= 999:
        raise BadReply("status", f"is {status}, which no response has: 200 to 999")
    fields = map(read_header, take(message, "headers", list) or ())
    kept = tuple([field for field in fields if field[0].lower() not in HOP_BY_HOP])
    return ResponseStart(status, kept, _read_length(kept))


def read_piece(message: Message) -> Piece:
    """
    Read a piece of content, which the first message of a response may hold too.

    Raises:
        BadReply: A value is of another type.
    """
    content = take(message, "content", bytes) or b""
    return Piece(content, not take(message, "more_content", bool), bool(take(message, "closed", bool)))


def take(message: Message, key: str, kind: type[T]) -> T | None:
    """
    Return *message*'s value for *key*; None where it is absent or None.

    Raises:
        BadReply: It is not of *kind*.
    """
    value = message.get(key)
    if value is None or type(value) is kind:
        return value
    raise BadReply(key, f"is of type {type(value).__name__}, not {kind.__name__}")


def read_header(header: object) -> Field:
    """
    Return one header field of a message.

    Raises:
        BadReply: It cannot be sent.
    """
    if not isinstance(header, list | tuple) or [*map(type, header)] != PAIR:
        raise BadReply("headers", f"holds {header!r:.80}, which is no pair of byte strings")
    name, value = header
    if not TOKEN.match(name):
        raise BadReply("headers", f"holds the name {name!r:.80}, which is no token")
    if NO_VALUE.search(value):
        raise BadReply("headers", f"holds a line end or a null byte in the value of {name!r}")
    return name, value


def _read_length(fields: tuple[Field, ...]) -> int | None:
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    if not lengths:
        return None
    if len(lengths) > 1 or not (lengths[0].isdigit() and len(lengths[0]) <= 19):
        raise BadReply("headers", f"holds the Content-Length {lengths!r:.80}, which is not one whole number")
    return int(lengths[0])
