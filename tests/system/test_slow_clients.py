"""Clients that take their time: what they do not read stays with the worker, and others are answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.bare_worker import pattern
from support.clients import Traffic
from support.cluster import THREADS, BareWorkerProcess, Cluster, Server
from support.raw_client import RawClient
from support.unharmed import MB, unharmed

pytestmark = pytest.mark.system

SOON_S = 10.0
LONG_S = "60"
DOWNLOAD = 100_000_000
SMALL_BUFFER = 4096
MEANWHILE = 300
"""How many requests of others are answered while a client does not read."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with a bare worker behind it, which is free for one client more than the slow ones."""
    with Cluster(1, 1, ("--http-timeout", LONG_S), BareWorkerProcess) as cluster:
        yield cluster.servers[0]


def test_downloads_that_are_not_read(server: Server) -> None:
    """Of 300 MB the server holds a fraction; who reads at last gets all of it."""
    with unharmed(server, 20 * MB) as traffic, ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port, receive_bytes=SMALL_BUFFER)) for _ in range(THREADS - 1)]
        for client in clients:
            client.get(f"/bytes/{DOWNLOAD}/")
        traffic.wait_for(MEANWHILE, SOON_S)

        for client in clients[1:]:
            client.reset()
        status, body = clients[0].read_response()

    assert (status, len(body)) == (200, DOWNLOAD)
    assert body[-1000:] == pattern(DOWNLOAD - 1000, 1000)


def test_a_socket_that_does_not_read(server: Server) -> None:
    """Of the 160 MB that are sent to it the server holds a fraction."""
    url = f"ws://127.0.0.1:{server.port}/flood/10000/"
    with unharmed(server, 20 * MB) as traffic, connect(url, max_queue=1, close_timeout=0) as socket:
        socket.send("go")
        traffic.wait_for(MEANWHILE, SOON_S)


def test_pings_without_end(server: Server) -> None:
    """A client that sends 200,000 pings and reads no pong: what it does not take is not written for it."""
    with unharmed(server, 10 * MB) as traffic, RawClient(server.port, receive_bytes=SMALL_BUFFER) as client:
        client.get(
            "/silent/",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        )
        assert client.read_line().startswith(b"HTTP/1.1 101 ")
        client.socket.setblocking(False)
        sent = send_until_nobody_takes_it(client, masked_ping(bytes(125)), 200_000, traffic)

    assert sent <= 200_000


def test_a_message_that_is_small_on_the_wire(server: Server) -> None:
    """50 MB of zeros, compressed to a thousandth: refused with 1009 before they are unpacked."""
    url = f"ws://127.0.0.1:{server.port}/silent/"
    with unharmed(server, 15 * MB), connect(url, compression="deflate") as socket:
        assert socket.protocol.extensions
        with pytest.raises(ConnectionClosed) as caught:
            socket.send(bytes(50 * MB))
            socket.recv(SOON_S)

    assert caught.value.rcvd is not None and caught.value.rcvd.code == 1009


def masked_ping(payload: bytes) -> bytes:
    """Return one ping of a client (RFC 6455, section 5.5.2) with a mask of zeros."""
    return bytes([0x89, 0x80 | len(payload)]) + bytes(4) + payload


def send_until_nobody_takes_it(client: RawClient, frame: bytes, number: int, traffic: Traffic) -> int:
    """Send *frame* up to *number* times, and stop once nothing was taken while others got 100 answers."""
    block = frame * 1000
    for sent in range(0, number, 1000):
        offset = 0
        while offset < len(block):
            try:
                offset += client.socket.send(block[offset:])
            except BlockingIOError:
                before = offset
                traffic.wait_for(100, SOON_S)
                try:
                    offset += client.socket.send(block[offset:])
                except BlockingIOError:
                    return sent + before // len(frame)
    return number
