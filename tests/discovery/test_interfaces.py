"""Hosts of this machine: the interfaces are real, nothing is opened."""

from __future__ import annotations

import socket
from typing import NoReturn

import pytest

from zmqlayer.discovery.addresses import MOST_HOSTS
from zmqlayer.discovery.interfaces import reachable_hosts, read_interfaces


def refuse(*_: object) -> NoReturn:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_interfaces_are_read_with_their_networks() -> None:
    """Loopback is on every machine, with its network."""
    texts = {str(interface.ip) for interface in read_interfaces()}

    assert "127.0.0.1/8" in texts


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "192.0.2.77", "2001:db8::77"])
def test_an_address_is_itself(host: str) -> None:
    """A node bound to one address is reached there."""
    assert reachable_hosts(host) == (host,)


@pytest.mark.parametrize(("wildcard", "last"), [("0.0.0.0", "127.0.0.1"), ("::", "::1")])
def test_a_wildcard_ends_with_loopback(wildcard: str, last: str) -> None:
    """A node bound to all interfaces is reached from outside first, and from this machine in any case."""
    hosts = reachable_hosts(wildcard)

    assert hosts[-1] == last
    assert wildcard not in hosts
    assert len(hosts) == len(set(hosts)) <= MOST_HOSTS


def test_a_name_is_looked_up() -> None:
    """A node bound to a name is reached at the name's addresses."""
    assert "127.0.0.1" in reachable_hosts("localhost")


def test_the_name_of_an_interface_stands_for_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """ZeroMQ listens at an interface by name; its IPv4 address is what others can dial. No resolver is asked."""
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    (loopback,) = [i.name for i in read_interfaces() if str(i.ip) == "127.0.0.1/8"]

    assert reachable_hosts(loopback)[0] == "127.0.0.1"


def test_an_unknown_name_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that cannot be found is left to whoever binds to it."""
    monkeypatch.setattr("socket.getaddrinfo", refuse)

    assert reachable_hosts("nowhere") == ("nowhere",)
