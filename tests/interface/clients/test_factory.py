"""The connections of one server: what is offered to them, and how many an address may have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.ssl import CertificateOptions
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from support.connections import MemoryTransport, Site, get, split_response
from zmqlayer.interface.clients.connection import Connection
from zmqlayer.interface.clients.turned_away import PATIENCE_S, Shut, TurnedAway
from zmqlayer.interface.options import ServerOptions

SiteMaker = Callable[..., Site]

ADDRESS = IPv4Address("TCP", "10.0.0.9", 51234)


def test_an_address_with_too_many_connections_is_turned_away(make_site: SiteMaker) -> None:
    """Politely at first; both are counted."""
    site = make_site(connections_per_address=1)

    made = [site.factory.buildProtocol(ADDRESS) for _ in range(3)]

    assert [type(protocol) for protocol in made] == [Connection, TurnedAway, Shut]
    assert site.faults.counts == {"too many connections": 2}


@pytest.mark.parametrize("is_secure", [False, True])
def test_far_too_many_are_closed_without_a_word(make_site: SiteMaker, is_secure: bool) -> None:
    """Over TLS too, whose factory stands around ours. None of them counts: two that leave make room again."""
    site = make_site(connections_per_address=1)
    others = [site.factory.buildProtocol(ADDRESS) for _ in range(2)]
    factory: Any = TLSMemoryBIOFactory(CertificateOptions(), False, site.factory) if is_secure else site.factory

    for _ in range(3):
        transport = MemoryTransport()
        protocol = factory.buildProtocol(ADDRESS)
        protocol.makeConnection(transport)
        protocol.connectionLost(Failure(ConnectionDone()))
        assert (b"503" in transport.value(), transport.disconnecting) == (False, True)

    for other in others:
        other.makeConnection(StringTransport(peerAddress=ADDRESS))
        other.connectionLost()
    assert isinstance(site.factory.buildProtocol(ADDRESS), Connection)


def test_who_is_turned_away_is_told_why(make_site: SiteMaker) -> None:
    """Whatever was asked; then the connection is closed."""
    site = make_site(connections_per_address=1)
    site.factory.buildProtocol(ADDRESS)
    protocol, transport = site.factory.buildProtocol(ADDRESS), StringTransport()
    protocol.makeConnection(transport)

    protocol.dataReceived(get())
    protocol.dataReceived(get())

    status, fields, content = split_response(transport.value())
    assert (status, b"too many connections" in content) == (503, True)
    assert (b"Retry-After", b"1") in fields
    site.clock.advance(PATIENCE_S)
    assert transport.disconnecting
    protocol.connectionLost()


def test_a_connection_that_closes_makes_room(make_site: SiteMaker) -> None:
    """Also one that was turned away."""
    site = make_site(connections_per_address=1)
    for _ in range(2):
        protocol = site.factory.buildProtocol(ADDRESS)
        protocol.makeConnection(StringTransport(peerAddress=ADDRESS))
        protocol.connectionLost()

    assert not site.faults.counts


def test_a_unix_socket_counts_for_nobody(make_site: SiteMaker) -> None:
    """All of its clients would have the same address."""
    site = make_site(connections_per_address=1)

    assert {type(site.factory.buildProtocol(UNIXAddress(None))) for _ in range(3)} == {Connection}


@pytest.mark.parametrize(
    ("http2", "offered"), [(True, (b"h2", b"http/1.1", b"http/1.0")), (False, (b"http/1.1", b"http/1.0"))]
)
def test_http2_is_offered_first_unless_it_is_switched_off(http2: bool, offered: tuple[bytes, ...]) -> None:
    """By ALPN (RFC 7301); HTTP/1.0 too, which some clients ask for alone."""
    assert Site(ServerOptions(http2=http2)).factory.acceptableProtocols() == offered
