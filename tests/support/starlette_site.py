"""A Starlette application for the tests of the worker."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import WebSocketEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

noted: dict[str, Any] = {}


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    """Give each request what the start made."""
    yield {"greeting": "hello"}


async def add_header(request: Request, call_next: Any) -> Response:
    """Say which process answers."""
    response: Response = await call_next(request)
    response.headers["x-worker"] = str(os.getpid())
    return response


async def hello(request: Request) -> Response:
    return PlainTextResponse(f"{request.state.greeting} {request.path_params.get('name', 'nobody')}")


async def take(request: Request) -> Response:
    """Count what is uploaded, as it comes."""
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            noted["arrived"] = size
    except ClientDisconnect:
        noted["disconnected"] = size
        raise
    return JSONResponse({"size": size})


async def count(request: Request) -> Response:
    """Read the whole body as JSON."""
    return JSONResponse({"items": len(await request.json())})


async def stream(request: Request) -> Response:
    async def numbers() -> AsyncIterator[str]:
        for number in range(int(request.path_params["most"])):
            yield f"{number}\n"

    return StreamingResponse(numbers(), media_type="text/plain")


async def endless(request: Request) -> Response:
    async def ticks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65_536
        finally:
            noted["stream ended"] = True

    return StreamingResponse(ticks())


async def later(request: Request) -> Response:
    async def remember() -> None:
        await asyncio.sleep(0)
        noted["background"] = True

    return PlainTextResponse("soon", background=BackgroundTask(remember))


async def refuse(request: Request) -> Response:
    raise HTTPException(418, "a teapot")


async def fail(request: Request) -> Response:
    raise RuntimeError("broken")


async def tell(request: Request) -> Response:
    # A stream that was cancelled hangs in a circle of anyio's (the frame that ends a task, and its exception): whatever
    # the server, Python's collector ends it, and that comes by when much was made, not when a client has left.
    gc.collect()
    return Response(json.dumps(noted), media_type="application/json")


class Echo(WebSocketEndpoint):
    """Speaks the first subprotocol that is offered, and says everything again."""

    encoding = "text"

    async def on_connect(self, websocket: WebSocket) -> None:
        offered = websocket.scope["subprotocols"]
        await websocket.accept(subprotocol=offered[0] if offered else None)

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        await websocket.send_text(f"{websocket.path_params['room']}: {data}")

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        noted["closed"] = close_code


application = Starlette(
    routes=[
        Route("/hello/", hello),
        Route("/hello/{name}", hello),
        Route("/take/", take, methods=["POST"]),
        Route("/count/", count, methods=["POST"]),
        Route("/stream/{most:int}", stream),
        Route("/endless/", endless),
        Route("/later/", later),
        Route("/refuse/", refuse),
        Route("/fail/", fail),
        Route("/noted/", tell),
        WebSocketRoute("/rooms/{room}", Echo),
    ],
    middleware=[Middleware(BaseHTTPMiddleware, dispatch=add_header)],
    lifespan=lifespan,
)
