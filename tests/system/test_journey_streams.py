"""Streams across the mesh: class-based consumers on two workers, behind one WebSocket on each of two servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from support.cluster import Cluster

pytestmark = pytest.mark.system

SOON_S = 5.0


@pytest.fixture
def sockets(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[list[ClientConnection]]:
    """One client on each server, on a page of their own."""
    urls = [f"ws://127.0.0.1:{server.port}/streams/{request.node.originalname}/" for server in cluster.servers]
    with connect(urls[0], open_timeout=SOON_S) as ada, connect(urls[1], open_timeout=SOON_S) as grace:
        yield [ada, grace]


def say(socket: ClientConnection, stream: str, payload: Any) -> None:
    """Send a payload on a stream."""
    socket.send(json.dumps({"stream": stream, "payload": payload}))


def hear(socket: ClientConnection) -> tuple[str, Any]:
    """Return the next payload, and the stream it came on."""
    heard = json.loads(socket.recv(SOON_S))
    return heard["stream"], heard["payload"]


def test_each_stream_has_its_consumer(cluster: Cluster, sockets: list[ClientConnection]) -> None:
    """Answers come in order and on the stream of the question, whichever worker gives them."""
    for number in range(50):
        say(sockets[0], "sums", {"numbers": [number, 1]})

    heard = [hear(sockets[0]) for _ in range(50)]

    assert [(stream, payload["sum"]) for stream, payload in heard] == [("sums", number + 1) for number in range(50)]
    assert {payload["worker"] for _, payload in heard} <= {worker.pid for worker in cluster.workers}


def test_what_one_publishes_both_hear(sockets: list[ClientConnection]) -> None:
    """A consumer of coroutines joined the group of their page, each on its server."""
    say(sockets[1], "news", {"headline": "It rains"})

    assert [hear(socket) for socket in sockets] == [("news", {"headline": "It rains"})] * 2


@pytest.mark.parametrize(
    ("said", "code"),
    [("{oops", 1007), (b"{}", 1003), ('{"stream": "nowhere", "payload": {}}', 1008)],
)
def test_garbage_closes_the_socket(sockets: list[ClientConnection], said: str | bytes, code: int) -> None:
    """With a code that says why; the other client does not notice."""
    sockets[0].send(said)

    with pytest.raises(ConnectionClosed) as caught:
        sockets[0].recv(SOON_S)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == code
    say(sockets[1], "sums", {"numbers": [1, 2]})
    assert hear(sockets[1])[1]["sum"] == 3


def test_a_consumer_that_fails_closes_the_socket(sockets: list[ClientConnection]) -> None:
    """With the code for errors of the server."""
    say(sockets[0], "sums", {"numbers": "text"})

    with pytest.raises(ConnectionClosed) as caught:
        sockets[0].recv(SOON_S)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1011
