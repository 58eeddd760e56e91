"""Probes: who accepts, who refuses, who keeps silent."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator

import pytest

from zmqlayer.descriptors import Descriptors
from zmqlayer.probes import Probes

WITHIN_S = 5.0


class Probing:
    """Probes, and the descriptors that they wait for."""

    def __init__(self) -> None:
        self.descriptors = Descriptors()
        self.probes = Probes(self.descriptors)

    def results(self, n: int = 1) -> list[tuple[str, bool]]:
        """Return what *n* probes found; fail if that takes too long."""
        found: list[tuple[str, bool]] = []
        deadline = time.monotonic() + WITHIN_S
        while len(found) < n:
            assert time.monotonic() < deadline, found
            self.probes.collect(self.descriptors.ready(0.01))
            found += self.probes.results()
        return found


@pytest.fixture
def probing() -> Iterator[Probing]:
    """Probes of this test; none is left in the end."""
    probing = Probing()
    yield probing
    probing.probes.close()
    assert len(probing.descriptors) == 0
    probing.descriptors.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def address_of(listener: socket.socket) -> str:
    return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def test_a_listener_accepts(probing: Probing, listener: socket.socket) -> None:
    """Where somebody listens a probe connects, says nothing and hangs up."""
    probing.probes.start(address_of(listener))

    assert probing.results() == [(address_of(listener), True)]
    connection, _ = listener.accept()
    with connection:
        assert connection.recv(1) == b""


def test_a_closed_port_refuses(probing: Probing, listener: socket.socket) -> None:
    """Where nobody listens any more the host says so at once."""
    listener.close()
    with socket.create_server(("127.0.0.1", 0)) as former:
        address = address_of(former)

    probing.probes.start(address)

    assert probing.results() == [(address, False)]


def test_several_are_probed_at_once(probing: Probing, listener: socket.socket) -> None:
    """Each address has its own result."""
    with socket.create_server(("127.0.0.1", 0)) as former:
        closed = address_of(former)

    probing.probes.start(closed)
    probing.probes.start(address_of(listener))

    assert set(probing.results(2)) == {(closed, False), (address_of(listener), True)}


def test_a_probe_begins_anew(probing: Probing, listener: socket.socket) -> None:
    """A second probe of an address takes the place of the first, and has one result."""
    probing.probes.start(address_of(listener))

    probing.probes.start(address_of(listener))

    assert probing.results() == [(address_of(listener), True)]
    probing.probes.collect(probing.descriptors.ready(0))
    assert probing.probes.results() == []


def test_a_probe_that_is_given_up_tells_nothing(probing: Probing, listener: socket.socket) -> None:
    """After ``cancel`` there is no result, and nothing to wait for."""
    probing.probes.start(address_of(listener))

    probing.probes.cancel(address_of(listener))

    probing.probes.collect(probing.descriptors.ready(0))
    assert probing.probes.results() == []


def test_nobody_is_behind_a_name(probing: Probing) -> None:
    """Names are not looked up, because that could block; they count as refusing."""
    probing.probes.start("tcp://localhost:1")

    assert probing.probes.has_results
    assert probing.probes.results() == [("tcp://localhost:1", False)]
    assert not probing.probes.has_results


@pytest.mark.parametrize("error", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT])
def test_an_unreachable_host_is_no_refusal(probing: Probing, error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a host that answers can refuse; everything else is silence."""
    monkeypatch.setattr(socket.socket, "connect_ex", lambda self, where: error)

    probing.probes.start("tcp://127.0.0.1:1")

    assert probing.probes.results() == []


def test_an_ipv6_address_is_probed(probing: Probing) -> None:
    """Brackets and all."""
    if not socket.has_ipv6:
        pytest.skip("needs IPv6")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        address = f"tcp://[::1]:{listener.getsockname()[1]}"
        probing.probes.start(address)

        assert probing.results() == [(address, True)]
