"""
From the mesh to a client: what the messages of a worker, in the format of the 2016 ASGI draft, make a connection do.

Pure. A message is checked in full before a byte of it is written, so that one which cannot be sent is found while a
proper error can still be answered. The other direction is ``translate``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.interface.clients.head import TOKEN, Field
from zmqlayer.messages import Message

__all__ = [
    "Accept",
    "Action",
    "BadReply",
    "Close",
    "Deny",
    "Ignore",
    "Piece",
    "ResponseStart",
    "Send",
    "read_handshake_answer",
    "read_piece",
    "read_response_start",
    "read_websocket_send",
]

HOP_BY_HOP: Final = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})
"""Fields about one TCP connection, which a worker cannot know: left out."""
NO_CONTENT: Final = frozenset({204, 304})
CLOSE_CODES: Final = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})

T = TypeVar("T")


class BadReply(ZmqLayerError):
    """A message on a reply channel is not in the format of its protocol: a mistake in the worker's code."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(key, problem)
        self.key = key
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.key!r} {self.problem}"


@dataclass(frozen=True, slots=True)
class ResponseStart:
    """
    How a response begins.

    Attributes:
        length: Bytes of content that the header promises; None if it promises none.
    """

    status: int
    fields: tuple[Field, ...]
    length: int | None

    @property
    def has_content(self) -> bool:
        """Whether content follows the head of a response with this status."""
        return self.status not in NO_CONTENT


@dataclass(frozen=True, slots=True)
class Piece:
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
    status = _take(message, "status", int)
    if status is None:
        raise BadReply("status", "is missing from the first message of a response")
    if not 200 <= status <= 999:
        raise BadReply("status", f"is {status}, which no response has: 200 to 999")
    fields = tuple(_read_header(header) for header in _take(message, "headers", list) or [])
    kept = tuple(field for field in fields if field[0].lower() not in HOP_BY_HOP)
    return ResponseStart(status, kept, _read_length(kept))


def read_piece(message: Message) -> Piece:
    """
    Read a piece of content, which the first message of a response may hold too.

    Raises:
        BadReply: A value is of another type.
    """
    return Piece(
        content=_take(message, "content", bytes) or b"",
        is_last=not _take(message, "more_content", bool),
        is_broken_off=bool(_take(message, "closed", bool)),
    )


@dataclass(frozen=True, slots=True)
class Accept:
    """Open the WebSocket."""


@dataclass(frozen=True, slots=True)
class Deny:
    """Refuse the WebSocket with 403."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send one message to the client: text if *payload* is a str."""

    payload: str | bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close the WebSocket with *code*."""

    code: int


@dataclass(frozen=True, slots=True)
class Ignore:
    """Do nothing but say why."""

    problem: str


Action = Accept | Deny | Send | Close | Ignore


def read_handshake_answer(message: Message) -> list[Action]:
    """
    Return what to do, in order, on a message that arrives before the WebSocket is open.

    Raises:
        BadReply: A value is of another type, or no close code.
    """
    accept = _take(message, "accept", bool)
    actions = read_websocket_send(message)
    if accept is False:
        return [Deny()]
    if accept or any(isinstance(action, Send) and action.payload for action in actions):
        return [Accept(), *actions]
    if any(isinstance(action, Close) for action in actions):
        return [Deny()]
    return actions or [Ignore("neither accepts nor closes a WebSocket whose handshake waits for that")]


def read_websocket_send(message: Message) -> list[Action]:
    """
    Return what to do, in order, on a message for an open WebSocket.

    Raises:
        BadReply: A value is of another type, or no close code.
    """
    text = _take(message, "text", str)
    binary = _take(message, "bytes", bytes)
    if text is not None and binary is not None:
        return [Ignore("has both 'text' and 'bytes'")]
    payload = binary if text is None else text
    actions: list[Action] = [] if payload is None else [Send(payload)]
    close = message.get("close")
    if close is None or close is False:
        return actions
    return [*actions, Close(_read_close_code(close))]


def _take(message: Message, key: str, kind: type[T]) -> T | None:
    """Return *message*'s value for *key*, which must be of *kind*; None where it is absent or None."""
    value = message.get(key)
    if value is None or type(value) is kind:
        return value
    raise BadReply(key, f"is of type {type(value).__name__}, not {kind.__name__}")


def _read_header(header: object) -> Field:
    if not isinstance(header, list | tuple) or len(header) != 2 or not all(isinstance(part, bytes) for part in header):
        raise BadReply("headers", f"holds {header!r:.80}, which is no pair of byte strings")
    name, value = header
    if not TOKEN.match(name):
        raise BadReply("headers", f"holds the name {name!r:.80}, which is no token")
    if any(end in value for end in (b"\r", b"\n", b"\0")):
        raise BadReply("headers", f"holds a line end or a null byte in the value of {name!r}")
    return name, value


def _read_length(fields: tuple[Field, ...]) -> int | None:
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    if not lengths:
        return None
    if len(lengths) > 1 or not (lengths[0].isdigit() and len(lengths[0]) <= 19):
        raise BadReply("headers", f"holds the Content-Length {lengths!r:.80}, which is not one whole number")
    return int(lengths[0])


def _read_close_code(close: object) -> int:
    if close is True:
        return 1000
    if isinstance(close, int) and (close in CLOSE_CODES or 3000 <= close <= 4999):
        return close
    raise BadReply("close", f"is {close!r:.80}, which is neither a bool nor a close code that may be sent")
