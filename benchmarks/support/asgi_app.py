"""A bare ASGI application, without Django, for all servers of the benchmarks: the same as ``bare_worker``."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

CHUNK = b"x" * 65_536
PLAIN = [(b"content-type", b"text/plain")]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Say hello, get ready, take what is uploaded, send what is asked for, echo what a WebSocket says."""
    if scope["type"] == "websocket":
        await _echo(receive, send)
    elif scope["type"] == "http" and scope["path"] == "/ready":
        gc.collect()
        gc.freeze()
        await _respond(send, b"")
    elif scope["type"] == "http" and scope["path"] == "/upload":
        await asyncio.sleep(float(scope["query_string"] or 0))
        await _respond(send, b"%d" % await _upload(receive))
    elif scope["type"] == "http" and scope["path"] == "/download":
        await _download(send, int(scope["query_string"]))
    elif scope["type"] == "http":
        await _respond(send, b"Hello, world!")


async def _respond(send: Send, content: bytes) -> None:
    headers = [*PLAIN, (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _upload(receive: Receive) -> int:
    size = 0
    while True:
        event = await receive()
        size += len(event.get("body", b""))
        if not event.get("more_body"):
            return size


async def _download(send: Send, size: int) -> None:
    headers = [*PLAIN, (b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for begin in range(0, size, len(CHUNK)):
        await send({"type": "http.response.body", "body": CHUNK[: size - begin], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _echo(receive: Receive, send: Send) -> None:
    while (event := await receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})
