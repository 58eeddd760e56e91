"""An interface server that is told to stop while clients are busy with it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from support.cluster import BareWorkerProcess, Cluster, Server
from support.node_process import wait_until
from support.raw_client import RawClient
from support.talk import Talk

pytestmark = pytest.mark.system

SOON_S = 10.0
STOP_WITHIN_S = 8.0
N_SOCKETS = 16
N_WAITING = 4


@pytest.fixture
def server() -> Iterator[Server]:
    """A server with a bare worker behind it."""
    with Cluster(1, 1, worker=BareWorkerProcess) as cluster:
        yield cluster.servers[0]


def test_it_finishes_what_it_has_begun(server: Server) -> None:
    """Requests are answered, whole streams too; WebSockets are told to go elsewhere; nobody new is let in."""
    port = server.port
    with Talk([f"ws://127.0.0.1:{port}/talk/"], N_SOCKETS) as talk, ExitStack() as stack:
        talk.wait_for_rounds(1, SOON_S)
        clients = [stack.enter_context(RawClient(port)) for _ in range(N_WAITING)]
        idle = stack.enter_context(RawClient(port))
        for client in clients:
            client.get("/pause/1/")
        assert [client.read_line() for client in clients] == [b"HTTP/1.1 200 OK"] * N_WAITING

        server.process.send_signal(signal.SIGTERM)

        talk.wait_for_closed(SOON_S)
        assert set(talk.closed) == {1001}
        assert idle.read_to_end() == b""
        wait_until(lambda: not is_listening(port), SOON_S, "nobody listens")
        assert all(client.read_to_end().endswith(b"4\r\nlast\r\n0\r\n\r\n") for client in clients)
        assert server.process.wait(STOP_WITHIN_S) == 0
    assert "Traceback" not in server.output


def test_a_second_signal_is_obeyed_at_once(server: Server) -> None:
    """Who does not want to wait for a slow view need not."""
    with RawClient(server.port) as client:
        client.get("/never/")
        client.get("/never/")
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_listening(server.port), SOON_S, "nobody listens")
        server.process.send_signal(signal.SIGTERM)

        assert server.process.wait(STOP_WITHIN_S) == 0
    assert time.monotonic() - begin < STOP_WITHIN_S


def is_listening(port: int) -> bool:
    """Whether a new client is let in."""
    try:
        RawClient(port).close()
    except ConnectionRefusedError:
        return False
    return True
