"""Clients that take their time: what they do not read stays with the worker, and others are answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect

from support.bare_worker import pattern
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
