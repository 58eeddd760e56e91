"""Places that open and close."""

from __future__ import annotations

import pytest
from twisted.internet.testing import MemoryReactorClock

from support.connections import RecordedLayer
from zmqlayer.interface.options import Context, ServerOptions
from zmqlayer.interface.serving import ports
from zmqlayer.interface.serving.places import Described, Tcp, Unix
from zmqlayer.interface.serving.ports import Opener
from zmqlayer.interface.serving.server import InterfaceServer
from zmqlayer.interface.serving.sockets import CannotServe


@pytest.fixture
def reactor() -> MemoryReactorClock:
    """A reactor whose ports nobody can reach."""
    return MemoryReactorClock()


@pytest.fixture
def server(reactor: MemoryReactorClock) -> InterfaceServer:
    """A server on that reactor."""
    return InterfaceServer(Context(RecordedLayer(), ServerOptions(), reactor))


@pytest.fixture
def opener(server: InterfaceServer, reactor: MemoryReactorClock) -> Opener:
    """Opens places for the server's factory."""
    return Opener(reactor, server.factory, None, 2048)


def test_an_endpoint_is_opened(server: InterfaceServer, opener: Opener, reactor: MemoryReactorClock) -> None:
    """Whatever Twisted understands."""
    shown = server.listen(opener, Described("tcp:8000:interface=127.0.0.1"))

    assert shown == ("endpoint tcp:8000:interface=127.0.0.1",)
    ((port, factory, _, interface),) = reactor.tcpServers
    assert (port, factory, interface) == (8000, server.factory, "127.0.0.1")
    assert repr(server) == "<InterfaceServer [1 places, 0 connections]>"


@pytest.mark.parametrize(
    ("host", "urls"),
    [
        ("", ("http://0.0.0.0:8000", "http://[::]:8000")),
        ("localhost", ("http://localhost:8000",)),
    ],
)
def test_all_addresses_are_told(
    server: InterfaceServer, opener: Opener, monkeypatch: pytest.MonkeyPatch, host: str, urls: tuple[str, ...]
) -> None:
    """Those of the machine each for itself; a name stands for what it has."""
    addresses = ["127.0.0.1", "::1"] if host else ["0.0.0.0", "::"]

    class Listening:
        def __init__(self, address: tuple[str, int]) -> None:
            self.getsockname = lambda: address

    monkeypatch.setattr(ports, "resolve", lambda place: [(0, (address, place.port)) for address in addresses])
    monkeypatch.setattr(ports, "bind", lambda place, family, address, backlog: Listening(address))
    monkeypatch.setattr(opener, "_adopt", lambda listening, factory: listening)

    assert server.listen(opener, Tcp(host, 8000)) == urls


def test_a_unix_socket_is_opened(server: InterfaceServer, opener: Opener, reactor: MemoryReactorClock) -> None:
    """With the permissions that the operator chose."""
    assert server.listen(opener, Unix("/nowhere/web.sock", 0o660)) == ("unix:/nowhere/web.sock",)
    ((path, factory, backlog, mode, _),) = reactor.unixServers
    assert (path, factory, backlog, mode) == ("/nowhere/web.sock", server.factory, 2048, 0o660)


@pytest.mark.parametrize("description", ["xyzzy:80", "tcp", "tcp:80:x=1", "tcp:port"])
def test_what_is_no_endpoint_is_a_sentence(server: InterfaceServer, opener: Opener, description: str) -> None:
    """Not a traceback of Twisted's."""
    with pytest.raises(CannotServe, match=f"cannot listen on {description}: it is no endpoint that Twisted can open"):
        server.listen(opener, Described(description))


def test_an_endpoint_that_fails_is_a_sentence(server: InterfaceServer, opener: Opener) -> None:
    """With the system's own words."""
    with pytest.raises(CannotServe, match="No such file or directory"):
        server.listen(opener, Described("ssl:443:privateKey=/nowhere/key.pem"))


def test_stopping_closes_what_is_open(server: InterfaceServer, opener: Opener) -> None:
    """With nobody connected it is over at once."""
    server.listen(opener, Described("tcp:8000"))

    assert server.stop().called
    assert repr(server) == "<InterfaceServer [0 places, 0 connections]>"
