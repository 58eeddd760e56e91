"""Views that are coroutines, in real processes: clients that wait for long hold no thread, and may leave."""

from __future__ import annotations

import http.client
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from support.clients import get
from support.cluster import THREADS, Cluster
from support.journey_project.journey.gate import Gate

pytestmark = pytest.mark.system

SOON_S = 5.0
"""For what takes milliseconds on an idle machine."""
N_CLIENTS = 4 * THREADS
"""More than all workers have threads."""


@pytest.fixture
def clients(cluster: Cluster) -> Iterator[list[http.client.HTTPConnection]]:
    """Clients of the first server."""
    with ExitStack() as stack:
        clients = [http.client.HTTPConnection("127.0.0.1", cluster.servers[0].port) for _ in range(N_CLIENTS)]
        for client in clients:
            client.timeout = SOON_S
            stack.callback(client.close)
        yield clients


def test_clients_that_wait_hold_no_thread(
    cluster: Cluster, clients: list[http.client.HTTPConnection], gate: Gate
) -> None:
    """Others are answered meanwhile; when the clients leave, every one of their views ends."""
    for client in clients:
        client.request("GET", f"/long-poll/?gate={gate.path}")
    gate.wait_for(N_CLIENTS, SOON_S)

    assert get(cluster.servers[1].port, "/hello/").status == 200
    for client in clients:
        client.close()
    gate.wait_for(N_CLIENTS, SOON_S)


def test_clients_of_a_stream_leave(cluster: Cluster, clients: list[http.client.HTTPConnection], gate: Gate) -> None:
    """
    Events reach them as they are made; when they leave, the generators are closed where they wait.

    They leave with a reset. A plain end might be that of a client that goes on reading, and shows at the next event.
    """
    for client in clients:
        client.request("GET", f"/events/?gate={gate.path}")
    responses = [client.getresponse() for client in clients]
    assert {response.read(13) for response in responses} == {b"data: first\n\n"}

    assert get(cluster.servers[1].port, "/hello/").status == 200
    for client, response in zip(clients, responses, strict=True):
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        response.close()
        client.close()
    gate.wait_for(N_CLIENTS, SOON_S)
