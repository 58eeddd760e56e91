"""
From a client to the mesh: the messages that requests and frames become, in the format of the 2016 ASGI draft. Pure.

The other direction is ``replies``.
"""

from __future__ import annotations

from typing import NamedTuple

from zmqlayer.interface.clients.head import Field, Head
from zmqlayer.messages import (
    Header,
    HttpDisconnect,
    HttpRequest,
    WebSocketConnect,
    WebSocketDisconnect,
    WebSocketReceive,
)

__all__ = [
    "Address",
    "Ends",
    "http_disconnect",
    "http_request",
    "websocket_connect",
    "websocket_disconnect",
    "websocket_receive",
]

Address = list[str | int] | None
"""``[host, port]``, or None where a transport has no such address."""


class Ends(NamedTuple):
    """
    The two ends of a connection, as messages tell them.

    Attributes:
        root_path: Where the site is mounted; empty if at the root.
    """

    is_secure: bool
    client: Address
    server: Address
    root_path: str = ""


def http_request(head: Head, ends: Ends, reply_channel: str, body: bytes) -> HttpRequest:
    """Return the message that asks a worker for a response."""
    message = HttpRequest(
        reply_channel=reply_channel,
        http_version=head.http_version,
        method=head.method,
        scheme="https" if ends.is_secure else "http",
        path=head.path,
        query_string=head.query_string,
        headers=_to_headers(head.fields),
        body=body,
        client=ends.client,
        server=ends.server,
    )
    if ends.root_path:
        message["root_path"] = ends.root_path
    return message


def http_disconnect(reply_channel: str, path: str) -> HttpDisconnect:
    """Return the message that says: nobody waits for this response any more."""
    return HttpDisconnect(reply_channel=reply_channel, path=path)


def websocket_connect(head: Head, ends: Ends, reply_channel: str) -> WebSocketConnect:
    """Return the message that asks a worker whether to open a WebSocket."""
    message = WebSocketConnect(
        reply_channel=reply_channel,
        scheme="wss" if ends.is_secure else "ws",
        path=head.path,
        query_string=head.query_string,
        headers=_to_headers(head.fields),
        client=ends.client,
        server=ends.server,
        order=0,
    )
    if ends.root_path:
        message["root_path"] = ends.root_path
    return message


def websocket_receive(reply_channel: str, path: str, payload: str | bytes, order: int) -> WebSocketReceive:
    """Return the message that carries one message of a client: text if *payload* is a str."""
    return WebSocketReceive(
        reply_channel=reply_channel,
        path=path,
        bytes=payload if isinstance(payload, bytes) else None,
        text=payload if isinstance(payload, str) else None,
        order=order,
    )


def websocket_disconnect(reply_channel: str, path: str, code: int, order: int, reason: str = "") -> WebSocketDisconnect:
    """Return the message that says: this WebSocket is closed, with a code and the client's reason (RFC 6455, 7)."""
    message = WebSocketDisconnect(reply_channel=reply_channel, code=code, path=path, order=order)
    if reason:
        message["reason"] = reason
    return message


def _to_headers(fields: tuple[Field, ...]) -> list[Header]:
    return [[name, value] for name, value in fields]
