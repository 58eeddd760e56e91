"""WebSockets across the mesh: two servers, two workers, one room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from websockets.sync.client import ClientConnection, connect

from support.cluster import Cluster

pytestmark = pytest.mark.system

SOON_S = 5.0


@pytest.fixture
def sockets(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[list[ClientConnection]]:
    """One client on each server, in a room of their own."""
    urls = [f"ws://127.0.0.1:{server.port}/{request.node.name}/" for server in cluster.servers]
    with connect(urls[0], open_timeout=SOON_S) as ada, connect(urls[1], open_timeout=SOON_S) as grace:
        yield [ada, grace]


def test_clients_of_two_servers_hear_each_other_in_order(sockets: list[ClientConnection]) -> None:
    """Both hear everything, their own words too, in the order in which it was said."""
    said = [f"line {number}" for number in range(20)]
    heard: list[list[str | bytes]] = [[], []]
    for number, line in enumerate(said):
        sockets[number % 2].send(line)
        for ears, socket in zip(heard, sockets, strict=True):
            ears.append(socket.recv(SOON_S))

    assert heard == [said, said]


def test_who_does_not_wait_is_heard_in_order(sockets: list[ClientConnection]) -> None:
    """Two hundred lines are said at once, and eight threads of two workers repeat them one after the other."""
    said = [f"line {number}" for number in range(200)]
    for line in said:
        sockets[0].send(line)

    heard = [[socket.recv(SOON_S) for _ in said] for socket in sockets]

    assert heard == [said, said]


def test_bytes_stay_bytes(sockets: list[ClientConnection]) -> None:
    """Binary frames cross the mesh as they are."""
    payload = bytes(range(256)) * 1000

    sockets[0].send(payload)

    assert [socket.recv(SOON_S) for socket in sockets] == [payload, payload]


def test_a_client_that_left_is_missed_by_nobody(cluster: Cluster, sockets: list[ClientConnection]) -> None:
    """The others go on."""
    sockets[1].close()

    sockets[0].send("still here")

    assert sockets[0].recv(SOON_S) == "still here"
