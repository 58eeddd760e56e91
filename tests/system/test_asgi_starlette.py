"""An application of Starlette behind the mesh, which knows nothing of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from support.asgi_run import StarletteWorkerProcess, wait_until_noted
from support.clients import ask, get
from support.cluster import Cluster
from support.raw_client import RawClient

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where the application is served."""
    with Cluster(1, 1, worker=StarletteWorkerProcess) as cluster:
        yield cluster.servers[0].port


def test_routes(port: int) -> None:
    """Paths, methods, middleware, errors, and what the lifespan made."""
    assert get(port, "/hello/").body == b"hello nobody"
    assert get(port, "/hello/ada").body == b"hello ada"
    assert get(port, "/hello/").worker > 0
    assert [get(port, path).status for path in ("/take/", "/nowhere/", "/refuse/", "/fail/")] == [405, 404, 418, 500]
    assert ask(port, "HEAD", "/hello/").headers["content-length"] == "12"


def test_streaming(port: int) -> None:
    """A response of unknown length, in many pieces."""
    assert get(port, "/stream/2000").body == b"".join(b"%d\n" % number for number in range(2000))


def test_request_bodies(port: int) -> None:
    """As a stream, and whole, though it comes in many pieces."""
    body = os.urandom(3_000_000)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        taken = client.post("/take/", content=body).json()
        counted = client.post("/count/", json=list(range(100_000))).json()

    assert taken == {"size": len(body)}
    assert counted == {"items": 100_000}


def test_background_tasks(port: int) -> None:
    """They run when the client has its answer."""
    assert get(port, "/later/").body == b"soon"
    wait_until_noted(port, lambda counts: counts.get("background"))


def test_a_client_that_leaves_its_upload(port: int) -> None:
    """``ClientDisconnect`` is raised where the body is read."""
    with RawClient(port) as client:
        client.send("POST /take/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
        client.send(bytes(400_000))
        wait_until_noted(port, lambda counts: counts.get("arrived"))

    wait_until_noted(port, lambda counts: "disconnected" in counts)


def test_a_client_that_leaves_a_stream(port: int) -> None:
    """Its generator ends."""
    with RawClient(port) as client:
        client.get("/endless/")
        client.read_line()

    wait_until_noted(port, lambda counts: counts.get("stream ended"))


def test_websockets(port: int) -> None:
    """Routes, a subprotocol, messages in order, and the code of the close."""

    async def main() -> Any:
        url = f"ws://127.0.0.1:{port}/rooms/blue"
        async with connect(url, subprotocols=["chat", "wamp"]) as websocket:  # type: ignore[list-item]  # texts do
            for number in range(20):
                await websocket.send(str(number))
            heard = [await websocket.recv() for _ in range(20)]
            await websocket.close(4001)
            return websocket.subprotocol, heard

    assert asyncio.run(asyncio.wait_for(main(), 20.0)) == ("chat", [f"blue: {number}" for number in range(20)])
    assert wait_until_noted(port, lambda counts: "closed" in counts)["closed"] == 4001
