"""
The message formats that interface servers and workers share: the 2016 ASGI draft, "HTTP & WebSocket".

There is no ``type`` key: the channel a message arrives on is its type. Keys that are not in these
definitions are ignored by the receiver. Byte strings and texts are kept apart on the wire.
"""

from __future__ import annotations

from typing import Any, Final, NotRequired, TypedDict

__all__ = [
    "CLOSE_CODES",
    "EVENTS_PATTERN",
    "HTTP_DISCONNECT",
    "HTTP_REQUEST",
    "HTTP_REQUEST_BODY_PATTERN",
    "HTTP_RESPONSE_PATTERN",
    "HTTP_RESPONSE_PREFIX",
    "NO_CONTENT",
    "WEBSOCKET_CONNECT",
    "WEBSOCKET_DISCONNECT",
    "WEBSOCKET_RECEIVE",
    "WEBSOCKET_SEND_PATTERN",
    "Body",
    "Header",
    "HttpDisconnect",
    "HttpRequest",
    "HttpResponse",
    "Message",
    "WebSocketConnect",
    "WebSocketDisconnect",
    "WebSocketReceive",
    "WebSocketSend",
    "is_close_code",
]

Message = dict[str, Any]
"""What ``send`` takes and ``receive`` gives: str keys; bytes, str, int, float, bool, None, list and dict values."""

HTTP_REQUEST: Final = "http.request"
HTTP_DISCONNECT: Final = "http.disconnect"
WEBSOCKET_CONNECT: Final = "websocket.connect"
WEBSOCKET_RECEIVE: Final = "websocket.receive"
WEBSOCKET_DISCONNECT: Final = "websocket.disconnect"

HTTP_REQUEST_BODY_PATTERN: Final = "http.request.body?"
"""The rest of a long body is sent to a channel that is named after this, and read by the one worker that answers."""
HTTP_RESPONSE_PATTERN: Final = "http.response!"
"""An interface server names the reply channel of a request after this: ``http.response.<node>!<id>``."""
HTTP_RESPONSE_PREFIX: Final = HTTP_RESPONSE_PATTERN.replace("!", ".")
"""With this the names of all reply channels of requests begin."""
WEBSOCKET_SEND_PATTERN: Final = "websocket.send!"
"""Likewise for a WebSocket: ``websocket.send.<node>!<id>``."""
EVENTS_PATTERN: Final = "asgi.events!"
"""A worker that hands a connection to an application names its ``events_channel`` after this."""

NO_CONTENT: Final = frozenset({204, 205, 304})
"""Statuses of responses that never have content (RFC 9110, 6.4.1)."""
CLOSE_CODES: Final = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
"""Codes below 3000 with which a WebSocket may be closed (RFC 6455, 7.4); those from 3000 to 4999 are free."""


def is_close_code(code: object) -> bool:
    """Whether a WebSocket may be closed with *code*; others may not stand in a frame, and no client would see them."""
    return isinstance(code, int) and (code in CLOSE_CODES or 3000 <= code <= 4999)


Header = list[bytes]
"""``[name, value]``; the name in lower case. Order and repetitions are kept."""


class HttpRequest(TypedDict):
    """Sent to ``http.request``: one request whose body is whole, or continues on ``body_channel``."""

    reply_channel: str
    http_version: str  # "1.0", "1.1" or "2"
    method: str  # upper case
    scheme: NotRequired[str]  # "http" where absent
    path: str  # percent-decoded, UTF-8
    query_string: bytes  # raw, without "?"
    root_path: NotRequired[str]
    headers: list[Header]
    body: NotRequired[bytes]
    body_channel: NotRequired[str]  # present: at least one Body follows there
    client: NotRequired[list[str | int] | None]  # [host, port]
    server: NotRequired[list[str | int] | None]


class Body(TypedDict):
    """Sent to a request's ``body_channel``: a piece of the body."""

    content: NotRequired[bytes]
    closed: NotRequired[bool]  # the client is gone: abandon the request
    more_content: NotRequired[bool]
    order: NotRequired[int]  # from 0; a number that is missing was lost


class HttpResponse(TypedDict):
    """
    Sent to a request's reply channel: first with ``status``, then any number of pieces without.

    One with ``events_channel`` and neither ``status`` nor ``content`` is an invitation only, and may come first.
    """

    status: NotRequired[int]
    headers: NotRequired[list[Header]]
    content: NotRequired[bytes]
    more_content: NotRequired[bool]
    closed: NotRequired[bool]  # nothing follows, and the response is not whole: the connection is cut
    order: NotRequired[int]  # of these messages, from 0; a number that is missing was lost
    events_channel: NotRequired[str]  # an invitation: a later HttpDisconnect goes there


class HttpDisconnect(TypedDict):
    """
    Sent to ``http.disconnect`` when the client went away before the response was complete.

    On an ``events_channel`` also when the server ended the request itself, with an error.
    """

    reply_channel: str
    path: str
    type: NotRequired[str]  # "http.disconnect", on an events_channel only


class WebSocketConnect(TypedDict):
    """Sent to ``websocket.connect``; the handshake waits for the answer."""

    reply_channel: str
    scheme: NotRequired[str]  # "ws" where absent
    path: str
    query_string: NotRequired[bytes]
    root_path: NotRequired[str]
    headers: list[Header]
    client: NotRequired[list[str | int] | None]
    server: NotRequired[list[str | int] | None]
    order: int  # 0


class WebSocketReceive(TypedDict):
    """Sent to ``websocket.receive``: one frame; exactly one of ``bytes`` and ``text`` is not None."""

    reply_channel: str
    path: str
    bytes: bytes | None
    text: str | None
    order: int  # from 1
    consumed: NotRequired[int]  # the order of the last message whose consumer has ended, as workers told
    type: NotRequired[str]  # "websocket.receive", on an events_channel only


class WebSocketDisconnect(TypedDict):
    """Sent to ``websocket.disconnect``."""

    reply_channel: str
    code: int
    reason: NotRequired[str]  # what the client said with the code, if anything
    path: str
    order: int
    consumed: NotRequired[int]
    type: NotRequired[str]  # "websocket.disconnect", on an events_channel only


class WebSocketSend(TypedDict):
    """
    Sent to a WebSocket's reply channel.

    During the handshake ``accept`` True opens the socket, False refuses it with 403 or ``status``; content without
    ``accept`` opens it too; ``close`` without content refuses it. Once open: content first, then ``close``.

    A worker that tells with ``consumed`` when its consumers end gets a client's next message only then, so that
    consumers see the messages of one client one after the other. One that never does gets them as they come.

    ``events_channel`` is an invitation: what happens from now on is sent there, to that one worker, and the
    WebSocket is closed with 1012 when that worker goes.
    """

    bytes: NotRequired[bytes | None]
    text: NotRequired[str | None]
    accept: NotRequired[bool]
    close: NotRequired[bool | int]  # True is code 1000
    subprotocol: NotRequired[str]  # with accept: one of those that the client offered
    headers: NotRequired[list[Header]]  # with accept: for the answer to the handshake
    reason: NotRequired[str]  # with close, once open; what is longer than 123 bytes is cut
    status: NotRequired[int]  # of the answer to the handshake, if that is refused: 400 to 599
    consumed: NotRequired[int]  # the order of the last message whose consumer has ended; -1 for none yet
    events_channel: NotRequired[str]
