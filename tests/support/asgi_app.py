"""
A plain ASGI application for the tests of the worker: it does what a path says. Run by ``zmqlayer worker``.

``/hello/`` answers at once, ``/echo/`` with the request's body, piece by piece, ``/digest/MS`` with the digest of the
body, each piece taking so long, ``/bytes/N`` with N bytes, ``/late/S`` after S seconds, ``/pause/S`` with two pieces S
seconds apart, ``/wait/`` waits for the client to leave and notes that, ``/noted/`` tells what was noted, ``/endless/``
sends until the client leaves; ``/raise/``, ``/exit/``, ``/silent/``, ``/begun/`` and ``/garbage/`` do what none should.
A WebSocket hears what it said; one at ``/refused/``, ``/raise/``, ``/silent/``, ``/return/``, ``/enough/``,
``/deaf/`` or ``/flood/N`` meets something else.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Endpoint = Callable[[str, Receive, Send], Awaitable[None]]

PIECE = bytes(range(256)) * 256
HEADERS = [(b"content-type", b"text/plain"), (b"x-worker", str(os.getpid()).encode())]

noted: Counter[str] = Counter()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a connection, or start and end."""
    if scope["type"] == "lifespan":
        await live(scope, receive, send)
        return
    name, _, rest = scope["path"].strip("/").partition("/")
    endpoints = ENDPOINTS if scope["type"] == "http" else SOCKETS
    await endpoints.get(name, endpoints[""])(rest, receive, send)


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    """Say at the start that it cannot."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "the database is away"})


def create() -> Any:
    """Return the application."""
    return application


async def live(scope: Scope, receive: Receive, send: Send) -> None:
    """Say when it starts and ends."""
    await receive()
    print("application started", flush=True)  # noqa: T201  # a test reads it
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("application ended", flush=True)  # noqa: T201  # a test reads it
    await send({"type": "lifespan.shutdown.complete"})


async def start(send: Send, status: int = 200) -> None:
    """Begin a response."""
    await send({"type": "http.response.start", "status": status, "headers": HEADERS})


async def respond(send: Send, body: bytes, status: int = 200) -> None:
    """Send a short response."""
    await start(send, status)
    await send({"type": "http.response.body", "body": body})


async def hello(rest: str, receive: Receive, send: Send) -> None:
    await respond(send, b"hello")


async def missing(rest: str, receive: Receive, send: Send) -> None:
    await respond(send, b"not found", 404)


async def echo(rest: str, receive: Receive, send: Send) -> None:
    await start(send)
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        more = event["more_body"]
        await send({"type": "http.response.body", "body": event["body"], "more_body": more})


async def digest(rest: str, receive: Receive, send: Send) -> None:
    seen, size, more = hashlib.sha256(), 0, True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            noted["upload left"] += 1
            return
        seen.update(event["body"])
        size += len(event["body"])
        more = event["more_body"]
        await asyncio.sleep(float(rest or 0) / 1000)
    await respond(send, f"{seen.hexdigest()} {size}".encode())


async def send_bytes(rest: str, receive: Receive, send: Send) -> None:
    await respond(send, (PIECE * (int(rest) // len(PIECE) + 1))[: int(rest)])


async def late(rest: str, receive: Receive, send: Send) -> None:
    await asyncio.sleep(float(rest))
    await respond(send, b"late")


async def pause(rest: str, receive: Receive, send: Send) -> None:
    await start(send)
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await asyncio.sleep(float(rest))
    await send({"type": "http.response.body", "body": b"last"})


async def wait(rest: str, receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "http.disconnect":
        noted["waiting"] += 1
    noted["left"] += 1


async def tell(rest: str, receive: Receive, send: Send) -> None:
    await respond(send, json.dumps(noted).encode())


async def endless(rest: str, receive: Receive, send: Send) -> None:
    await start(send)
    try:
        while True:
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            noted["pieces"] += 1
    except OSError:
        noted["stream left"] += 1
        raise


async def fail(rest: str, receive: Receive, send: Send) -> None:
    raise RuntimeError("broken")


async def leave(rest: str, receive: Receive, send: Send) -> None:
    raise SystemExit(7)


async def return_at_once(rest: str, receive: Receive, send: Send) -> None:
    pass


async def begin_and_fail(rest: str, receive: Receive, send: Send) -> None:
    await start(send)
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    raise RuntimeError("broken")


async def send_garbage(rest: str, receive: Receive, send: Send) -> None:
    garbage: dict[str, Any] = {
        "text": "hello",
        "order": {"type": "http.response.body", "body": b"x"},
        "status": {"type": "http.response.start", "status": "200"},
        "headers": {"type": "http.response.start", "status": 200, "headers": [("a", "b")]},
        "large": {"type": "http.response.start", "status": 200, "headers": [(b"a", bytes(2_000_000))]},
        "unknown": {"type": "http.response.song"},
    }
    await send(garbage[rest])
    await send({"type": "http.response.body", "body": "text" if rest == "body" else b""})


async def converse(rest: str, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    noted["sockets"] += 1
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"], "bytes": event["bytes"]})
    noted[f"closed {event['code']}"] += 1


async def refuse(rest: str, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close"})


async def return_open(rest: str, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    if rest:
        raise RuntimeError("broken")


async def close(rest: str, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 4000, "reason": "enough"})


async def deaf(rest: str, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    await asyncio.Event().wait()


async def flood(rest: str, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    try:
        for _ in range(int(rest)):
            await send({"type": "websocket.send", "bytes": PIECE[:16_384]})
            noted["flood"] += 1
    except OSError:
        noted["flood left"] += 1


ENDPOINTS: dict[str, Endpoint] = {
    "": missing,
    "hello": hello,
    "echo": echo,
    "digest": digest,
    "bytes": send_bytes,
    "late": late,
    "pause": pause,
    "wait": wait,
    "noted": tell,
    "endless": endless,
    "raise": fail,
    "exit": leave,
    "silent": return_at_once,
    "begun": begin_and_fail,
    "garbage": send_garbage,
}
SOCKETS: dict[str, Endpoint] = {
    "": converse,
    "refused": refuse,
    "raise": fail,
    "silent": return_at_once,
    "return": return_open,
    "enough": close,
    "deaf": deaf,
    "flood": flood,
}
