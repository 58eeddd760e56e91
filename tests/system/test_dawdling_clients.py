"""Clients that send or read so slowly that it must be on purpose: each is told, cut off, and harms nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from support.cluster import THREADS, BareWorkerProcess, Cluster, Server
from support.raw_client import RawClient
from support.unharmed import MB, unharmed

pytestmark = pytest.mark.system

SOON_S = 15.0
LIMITS = ("--header-timeout", "1", "--body-timeout", "1", "--write-timeout", "1", "--keep-alive-timeout", "1")
N_CLIENTS = 200
TIMED_OUT = b"HTTP/1.1 408"
EVERY_S = 0.1


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with little patience, and a bare worker behind it."""
    with Cluster(1, 1, LIMITS, BareWorkerProcess) as cluster:
        yield cluster.servers[0]


def test_heads_that_come_byte_by_byte(server: Server) -> None:
    """Each byte comes in time, and the head does not: 408 (a slow-loris)."""
    with unharmed(server, 10 * MB), ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port)) for _ in range(N_CLIENTS)]
        for client in clients:
            client.send("GET /hello/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ")

        dribble(clients, b"a")

        assert {client.read_line()[:12] for client in clients} == {TIMED_OUT}


@pytest.mark.parametrize("head", ["Content-Length: 1000000", "Transfer-Encoding: chunked\r\n\r\nF4240\r\nX-Is: body"])
def test_bodies_that_come_byte_by_byte(server: Server, head: str) -> None:
    """Ten bytes a second are no upload: 408."""
    with unharmed(server, 10 * MB), ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port)) for _ in range(N_CLIENTS)]
        for client in clients:
            client.send(f"POST /upload/ HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n\r\n")

        dribble(clients, b"a")

        assert {client.read_line()[:12] for client in clients} == {TIMED_OUT}


def test_bodies_that_do_not_come(server: Server) -> None:
    """A body is announced and not sent: 408."""
    with unharmed(server, 10 * MB), ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port)) for _ in range(N_CLIENTS)]
        for client in clients:
            client.send("POST /upload/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\n")

        assert {client.read_line()[:12] for client in clients} == {TIMED_OUT}


def test_connections_without_a_word(server: Server) -> None:
    """Nothing was asked, so nothing is answered."""
    with unharmed(server, 10 * MB), ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port)) for _ in range(N_CLIENTS)]

        assert {client.read_to_end() for client in clients} == {b""}


def test_downloads_that_are_not_taken(server: Server) -> None:
    """Who takes nothing for too long is cut off, and its worker is free again."""
    with unharmed(server, 20 * MB), ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port, receive_bytes=4096)) for _ in range(THREADS)]
        for client in clients:
            client.get("/bytes/100000000/")
        assert {client.read_line() for client in clients} == {b"HTTP/1.1 200 OK"}
        files = server.usage.files

        poll(lambda: server.usage.files <= files - THREADS)

        assert all(len(client.read_to_end()) < 100_000_000 for client in clients)


def dribble(clients: list[RawClient], byte: bytes) -> None:
    """Send one byte after the other to all, until the server has answered each of them."""
    waiting = list(clients)

    def has_ended() -> bool:
        for client in list(waiting):
            if client.has_answer():
                waiting.remove(client)
            else:
                client.send(byte)
        return not waiting

    poll(has_ended)


def poll(is_so: Callable[[], bool]) -> None:
    """Look ten times a second until *is_so*; fail if that takes too long."""
    deadline = time.monotonic() + SOON_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(EVERY_S)
