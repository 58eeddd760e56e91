"""A server and an ASGI worker in one process, on one node: each hears on its own thread what it asked for."""

from __future__ import annotations

import struct
from typing import Any

from support.asgi_app import PIECE, application
from support.asgi_stage import Stage, eventually, play
from support.connections import CLOSE, TEXT, Client, frame, get, post, split_frames, split_response, upgrade
from support.doubles import FakeReactor
from zmqlayer.interface.clients.factory import ConnectionFactory
from zmqlayer.interface.options import Context, ServerOptions
from zmqlayer.twisted import ReactorLayer


class Server:
    """An interface server on the node of a stage."""

    def __init__(self, stage: Stage, **options: Any) -> None:
        self.reactor = FakeReactor()
        context = Context(ReactorLayer(stage.layer, self.reactor), ServerOptions(**options), self.reactor)
        self.factory = ConnectionFactory(context)
        self._layer = stage.layer

    async def connect(self, data: bytes) -> Client:
        """Return a client that has sent *data*, once the worker reads."""
        await eventually(lambda: self._layer.has_reader("http.request"))
        client = Client(self.factory)
        client.send(data)
        return client

    async def read(self, client: Client, end: bytes) -> bytes:
        """Return what a client gets, up to *end*."""
        received = bytearray()

        def has_end() -> bool:
            self.reactor.turn()
            received.extend(client.read())
            return end in received

        await eventually(has_end)
        return bytes(received)


def test_a_download() -> None:
    """More than the reply channel holds: the application waits for the server, on the other loop."""

    async def script(stage: Stage) -> bytes:
        server = Server(stage)
        client = await server.connect(get("/bytes/2000000"))
        received = await server.read(client, b"\r\n0\r\n\r\n")
        client.leave()
        return split_response(received)[2]

    assert play(application, script, {"capacity": 4}) == (PIECE * 31)[:2_000_000]


def test_an_upload() -> None:
    """More than the body channel holds: the server waits for the application."""
    body = PIECE * 30

    async def script(stage: Stage) -> bytes:
        server = Server(stage, body_chunk_size=16_384)
        client = await server.connect(post(body, "/digest/"))
        received = await server.read(client, b" 1966080")
        client.leave()
        return received

    assert play(application, script, {"capacity": 4}).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_websocket() -> None:
    """From the handshake to the close, and both at once with requests."""

    async def script(stage: Stage) -> Any:
        server = Server(stage)
        client = await server.connect(upgrade("/"))
        await server.read(client, b"\r\n\r\n")
        for number in range(40):
            client.send(frame(TEXT, b"%d" % number))
        heard = await server.read(client, b"39")
        other = await server.connect(get("/hello/"))
        answer = await server.read(other, b"hello")
        client.send(frame(CLOSE, struct.pack("!H", 1000)))
        client.leave()
        other.leave()
        server.reactor.turn()
        await eventually(lambda: "running | 0" in repr(stage.worker))
        return split_frames(heard), answer[:15]

    heard, answer = play(application, script, {"capacity": 4})
    assert heard == [(TEXT, b"%d" % number) for number in range(40)]
    assert answer == b"HTTP/1.1 200 OK"
