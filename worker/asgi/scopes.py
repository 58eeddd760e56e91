"""
From the mesh to an application: the scope of a connection, made from the message that began it. Pure.

The 2016 draft's keys are nearly those of ASGI 3. ``raw_path`` is left out, since the server tells the path decoded.
"""

from __future__ import annotations

from typing import Any, Final

from zmqlayer.messages import Message
from zmqlayer.worker.asgi.types import Scope

__all__ = ["http_scope", "lifespan_scope", "websocket_scope"]

SPEC_VERSION: Final = "2.4"
LIFESPAN_SPEC_VERSION: Final = "2.0"
SUBPROTOCOLS: Final = b"sec-websocket-protocol"


def http_scope(message: Message, state: dict[str, Any]) -> Scope:
    """
    Return the scope of a request.

    Args:
        message: As it came on ``http.request``.
        state: What the application's lifespan left there; each scope has a copy of its own.

    Raises:
        KeyError, TypeError, ValueError: It is no such message.
    """
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": SPEC_VERSION},
        "http_version": message.get("http_version", "1.1"),
        "method": message["method"],
        "scheme": message.get("scheme", "http"),
        **_place(message),
        "state": state.copy(),
        "extensions": {},
    }


def websocket_scope(message: Message, state: dict[str, Any]) -> Scope:
    """
    Return the scope of a WebSocket.

    Args:
        message: As it came on ``websocket.connect``.
        state: As for :func:`http_scope`.

    Raises:
        KeyError, TypeError, ValueError: It is no such message.
    """
    scope: Scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": SPEC_VERSION},
        "http_version": message.get("http_version", "1.1"),
        "scheme": message.get("scheme", "ws"),
        **_place(message),
        "state": state.copy(),
        "extensions": {},
    }
    scope["subprotocols"] = _subprotocols(scope["headers"])
    return scope


def lifespan_scope(state: dict[str, Any]) -> Scope:
    """Return the scope of the application's own life; what it puts into *state* is there for its connections."""
    return {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": LIFESPAN_SPEC_VERSION}, "state": state}


def _place(message: Message) -> Scope:
    """Return what both kinds of connections have."""
    return {
        "path": message["path"],
        "query_string": message.get("query_string", b""),
        "root_path": message.get("root_path", ""),
        "headers": [(name, value) for name, value in message["headers"]],
        "client": _address(message.get("client")),
        "server": _address(message.get("server")),
    }


def _address(pair: list[Any] | None) -> tuple[Any, Any] | None:
    return None if pair is None else (pair[0], pair[1])


def _subprotocols(headers: list[tuple[bytes, bytes]]) -> list[str]:
    offered = [value for name, value in headers if name == SUBPROTOCOLS]
    names = (name.strip() for value in offered for name in value.decode("latin-1").split(","))
    return [name for name in names if name]
