"""The protocol classes over a real node that sends to itself."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.task import Clock

from support.connections import TEXT, Client, frame, get, post, split_frames, split_response, upgrade
from zmqlayer import SyncChannelLayer
from zmqlayer.exceptions import ChannelFull
from zmqlayer.interface.clients.factory import ConnectionFactory
from zmqlayer.interface.options import Context, ServerOptions
from zmqlayer.twisted import ReactorLayer

pytestmark = pytest.mark.system

WITHIN_S = 5.0


class PumpedReactor(Clock):
    """A clock whose calls from other threads are made when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: queue.SimpleQueue[tuple[Callable[..., Any], tuple[object, ...]]] = queue.SimpleQueue()

    def callFromThread(self, callable: Callable[..., Any], *args: object) -> None:
        """Keep a call for the test's thread."""
        self._calls.put((callable, args))

    def flush(self) -> None:
        """Make the calls that are due."""
        while not self._calls.empty():
            call, args = self._calls.get()
            call(*args)
        self.advance(0)

    def run_until(self, is_done: Callable[[], bool]) -> None:
        """Make calls until *is_done*; fail if none comes in time."""
        self.advance(0)
        while not is_done():
            call, args = self._calls.get(timeout=WITHIN_S)
            call(*args)
            self.advance(0)


class Mesh:
    """An interface server and, on the same node, whoever plays the worker."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.reactor = PumpedReactor()
        self.factory = ConnectionFactory(Context(ReactorLayer(layer, self.reactor), ServerOptions(), self.reactor))

    def connect(self) -> Client:
        """Return a client."""
        return Client(self.factory)

    def request(self, data: bytes) -> Client:
        """Return a client that has sent *data*."""
        client = self.connect()
        client.send(data)
        return client

    def receive(self, channel: str) -> dict[str, Any]:
        """Take the next message of *channel*, as a worker does."""
        name, message = self.layer.receive([channel], block=True, timeout=WITHIN_S)
        assert name == channel
        return dict(message)

    def read(self, client: Client, length: int = 1) -> bytes:
        """Take what the server wrote, once it is *length* bytes."""
        self.reactor.run_until(lambda: len(client.transport.value()) >= length)
        return client.read()


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    """A node of its own, which nobody finds."""
    layer = SyncChannelLayer(cluster="test", discovery="off", capacity=10)
    layer.start()
    layer.receive(["http.request"])  # a reader that nobody knows yet would be waited for
    yield Mesh(layer)
    layer.close()


def test_a_request_crosses_the_mesh_and_comes_back(mesh: Mesh) -> None:
    """The longest body that one message has, a streamed response."""
    body = bytes(range(256)) * 1024
    client = mesh.request(post(body, "/upload"))

    request = mesh.receive("http.request")
    mesh.layer.send(request["reply_channel"], {"status": 200, "content": b"a", "more_content": True})
    mesh.layer.send(request["reply_channel"], {"content": b"b"})
    mesh.reactor.run_until(lambda: client.transport.value().endswith(b"0\r\n\r\n"))

    assert (request["body"], request["path"]) == (body, "/upload")
    assert split_response(client.read())[2] == b"ab"
    client.leave()


def test_a_long_body_follows_in_pieces(mesh: Mesh) -> None:
    """While nobody reads them the client is held back; each that is taken lets it go on a little."""
    body = bytes(range(256)) * 8192
    data = post(body, "/upload")
    client = mesh.connect()

    def feed(data: bytes) -> bytes:
        mesh.reactor.flush()
        while data and client.transport.producerState == "producing":
            client.send(data[:65_536])
            data = data[65_536:]
        return data

    data = feed(data)
    request = mesh.receive("http.request")
    arrived, message = request["body"], {"more_content": True}
    assert len(body) - len(data) < 1_500_000
    while message["more_content"]:
        message = mesh.receive(request["body_channel"])
        arrived += message["content"]
        data = feed(data)

    assert arrived == body
    client.leave()


def test_a_full_channel_is_a_503(mesh: Mesh) -> None:
    """Where workers have too much to do, requests wait up to the capacity, and one more at the worker."""
    waiting = [mesh.request(get()) for _ in range(11)]

    refused = mesh.request(get())

    assert split_response(refused.read())[0] == 503
    for client in [*waiting, refused]:
        client.leave()


def test_a_websocket_crosses_the_mesh_both_ways(mesh: Mesh) -> None:
    """Handshake, frames, close."""
    client = mesh.request(upgrade("/room"))
    reply_channel = mesh.receive("websocket.connect")["reply_channel"]
    mesh.layer.send(reply_channel, {"accept": True})
    assert mesh.read(client).startswith(b"HTTP/1.1 101 ")

    client.send(frame(TEXT, b"ping"))
    assert mesh.receive("websocket.receive")["text"] == "ping"
    mesh.layer.send(reply_channel, {"text": "pong"})
    assert split_frames(mesh.read(client)) == [(TEXT, b"pong")]

    client.leave()
    assert mesh.receive("websocket.disconnect")["code"] == 1006


def test_a_slow_client_makes_its_worker_feel_it(mesh: Mesh) -> None:
    """The reply channel fills up; when the client reads again, all of it arrives in order."""
    client = mesh.request(get())
    reply_channel = mesh.receive("http.request")["reply_channel"]
    client.set_slow()
    sent = []
    with pytest.raises(ChannelFull):
        for number in range(1000):
            mesh.layer.send(reply_channel, {"status": 200, "content": b"%d," % number, "more_content": True})
            sent.append(b"%d," % number)

    client.set_fast()
    mesh.reactor.run_until(lambda: sent[-1] in client.transport.value())

    assert len(sent) == 10
    client.leave()
