"""Ports that open and close."""

from __future__ import annotations

import pytest
from twisted.internet.testing import MemoryReactorClock

from support.connections import RecordedLayer
from zmqlayer.interface.options import Context, ServerOptions
from zmqlayer.interface.serving.server import InterfaceServer


@pytest.fixture
def reactor() -> MemoryReactorClock:
    """A reactor whose ports nobody can reach."""
    return MemoryReactorClock()


@pytest.fixture
def server(reactor: MemoryReactorClock) -> InterfaceServer:
    """A server on that reactor."""
    return InterfaceServer(Context(RecordedLayer(), ServerOptions(), reactor))


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000")])
def test_listening_opens_a_port(server: InterfaceServer, reactor: MemoryReactorClock, host: str, url: str) -> None:
    """The URL can be pasted into a browser."""
    assert server.listen(reactor, host, 8000) == url
    ((port, factory, _, interface),) = reactor.tcpServers
    assert (port, factory, interface) == (8000, server.factory, host)
    assert repr(server) == "<InterfaceServer [1 ports, 0 connections]>"


def test_stopping_closes_the_port(server: InterfaceServer, reactor: MemoryReactorClock) -> None:
    """With nobody connected it is over at once."""
    server.listen(reactor, "127.0.0.1", 8000)

    assert server.stop().called
    assert repr(server) == "<InterfaceServer [0 ports, 0 connections]>"
