"""Clients that mean harm: the server stays small, closes what they leave open, and answers others."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from support.cluster import THREADS, BareWorkerProcess, Cluster, Server
from support.node_process import wait_until
from support.raw_client import RawClient
from support.unharmed import MB, unharmed

pytestmark = pytest.mark.system

LONG_S = "60"
SOON_S = 10.0
BUSY_S = 5
CAPACITY = 100
"""How many requests of one server wait for a worker at most."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with a bare worker behind it."""
    with Cluster(1, 1, ("--http-timeout", LONG_S), BareWorkerProcess) as cluster:
        yield cluster.servers[0]


def test_uploads_that_are_cut_off(server: Server) -> None:
    """50 clients announce 10 MB, send one, and cut the connection."""
    head = "POST /upload/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000000\r\n\r\n"
    with unharmed(server, 20 * MB):
        for _ in range(50):
            client = RawClient(server.port)
            client.send(head)
            client.send(bytes(1_000_000))
            client.reset()


@pytest.mark.parametrize("ahead", [b"", b"G", bytes(100_000)])
def test_requests_that_nobody_waits_for(server: Server, ahead: bytes) -> None:
    """They leave the queue: once the server knows that their clients are gone, others find room there again."""
    files = server.usage.files
    with ExitStack() as stack:
        busy = [stack.enter_context(RawClient(server.port)) for _ in range(THREADS)]
        for client in busy:  # every consumer has one
            client.get(f"/late/{BUSY_S}/")
        for _ in range(2 * CAPACITY):
            client = RawClient(server.port)
            client.get("/hello/")
            client.send(ahead)  # of a next request: the server reads no further than it must
            client.reset()
        wait_until(lambda: server.usage.files <= files + len(busy), BUSY_S - 1, "the server knows that they are gone")

        other = stack.enter_context(RawClient(server.port))
        other.get("/hello/")

        assert other.read_response() == (200, b"hello")


def test_halves_of_connections(server: Server) -> None:
    """100 clients begin a request and send no more, and wait for an answer; they are told, or cut off."""
    with unharmed(server, 10 * MB), ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port)) for _ in range(100)]
        for client in clients:
            client.send("GET /hello/ HTTP/1.1\r\nHost: 127.")
            client.end_sending()

        answers = {client.read_to_end()[:12] for client in clients}

    assert answers <= {b"", b"HTTP/1.1 400"}


def test_heads_without_end(server: Server) -> None:
    """20 clients send a megabyte of headers each; all are refused with 431."""
    with unharmed(server, 10 * MB), ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port)) for _ in range(20)]
        for client in clients:
            send_what_is_taken(client, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-A: b\r\n" * 125_000)

        answers = {client.read_line() for client in clients}

    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 431"}


def test_a_target_without_end(server: Server) -> None:
    """20 clients send a megabyte of path each; all are refused with 414."""
    with unharmed(server, 10 * MB), ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port)) for _ in range(20)]
        for client in clients:
            send_what_is_taken(client, b"GET /" + b"a" * 1_000_000)

        answers = {client.read_line() for client in clients}

    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 414"}


@pytest.mark.parametrize("n_bytes", [10, 1000, 100_000])
def test_bytes_of_chance(server: Server, n_bytes: int) -> None:
    """100 clients send noise; each is refused or cut off."""
    chance = random.Random(n_bytes)
    with unharmed(server, 10 * MB), ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port)) for _ in range(100)]
        for client in clients:
            send_what_is_taken(client, chance.randbytes(n_bytes) + b"\r\n\r\n")

        answers = {client.read_to_end()[:12] for client in clients}

    assert answers <= {b"", *(b"HTTP/1.1 %d" % status for status in (400, 414, 431, 501, 505))}


def send_what_is_taken(client: RawClient, data: bytes) -> None:
    """Send until the server has closed the connection."""
    try:
        client.send(data)
    except (BrokenPipeError, ConnectionResetError):
        return
