"""What the kernel tells of a connection: real sockets, and nothing to wait for."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest
from twisted.internet.interfaces import ISSLTransport
from zope.interface import implementer

from support.connections import MemoryTransport
from zmqlayer.interface.clients.kernel import Standing, standing_of, untaken_size

Pair = tuple[socket.socket, socket.socket]


class Plain:
    """A transport of Twisted's, as far as its socket and its buffer go."""

    def __init__(self, connected: socket.socket) -> None:
        self.fileno = connected.fileno
        self.dataBuffer = b""
        self.offset = 0


@implementer(ISSLTransport)
class Secure:
    """TLS above one."""

    def __init__(self, below: Plain) -> None:
        self.transport = below


def tcp_pair() -> Pair:
    """Return both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        return listening.accept()[0], client


@pytest.fixture(params=[tcp_pair, socket.socketpair])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """The server's end and the client's, of TCP and of a UNIX socket."""
    server, client = request.param()
    yield server, client
    server.close()
    client.close()


def test_a_connection_is_open(pair: Pair) -> None:
    """Whatever waits to be read, with TLS or without."""
    server, client = pair
    client.send(b"GET")

    assert standing_of(Plain(server)) is standing_of(Secure(Plain(server))) is Standing.OPEN


def test_a_client_that_sends_no_more_has_ended(pair: Pair) -> None:
    """It is seen although there is something to read before."""
    server, client = pair
    client.send(b"GET")
    client.shutdown(socket.SHUT_WR)

    assert standing_of(Plain(server)) is standing_of(Secure(Plain(server))) is Standing.ENDED


def test_a_reset_connection_is_gone() -> None:
    """The same."""
    server, client = tcp_pair()
    client.send(b"GET")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()

    assert standing_of(Plain(server)) is Standing.GONE
    server.close()


def test_a_unix_socket_tells_who_is_gone_from_who_sends_no_more() -> None:
    """There is no network between that could keep it back."""
    server, client = socket.socketpair()
    client.close()

    assert standing_of(Plain(server)) is Standing.GONE
    server.close()


def test_what_is_not_taken_is_counted(pair: Pair) -> None:
    """In the transport's buffer, and in the socket's queue as long as the client's side has no room."""
    server, _ = pair
    transport = Plain(server)
    assert untaken_size(transport) == 0
    server.setblocking(False)
    while (sent := try_to_send(server)) > 0:
        pass
    transport.dataBuffer, transport.offset = bytes(100), 40

    full = untaken_size(transport)
    assert full > 60
    assert untaken_size(Secure(transport)) == full
    assert sent == 0

    transport.offset = 100
    assert untaken_size(transport) == full - 60


def try_to_send(connected: socket.socket) -> int:
    """Return how much the socket takes."""
    try:
        return connected.send(bytes(65_536))
    except BlockingIOError:
        return 0


def test_a_transport_without_a_socket_is_open_and_taken() -> None:
    """Nothing is known of it; a socket that is closed is none."""
    server, client = socket.socketpair()
    server.close()
    client.close()

    for transport in (MemoryTransport(), Plain(server)):
        assert (standing_of(transport), untaken_size(transport)) == (Standing.OPEN, 0)
