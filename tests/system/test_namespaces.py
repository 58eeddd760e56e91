"""Nodes on machines of a network of their own: how they find each other there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from support.mesh_member import MeshMember
from support.namespaces import Host, Lan, require_namespaces

pytestmark = pytest.mark.system

SECRET: Final = "a secret for tests only, never for use"

Start = Callable[..., MeshMember]


@pytest.fixture
def lan() -> Iterator[Lan]:
    """A network without machines."""
    require_namespaces()
    with Lan() as lan:
        yield lan


@pytest.fixture
def start(lan: Lan) -> Iterator[Start]:
    """Start nodes of one cluster on machines of the network, and end them before it goes."""
    members: list[MeshMember] = []

    def start(on: Host, **settings: Any) -> MeshMember:
        members.append(MeshMember(on=on, **{"secret": SECRET, **settings}))
        return members[-1]

    yield start
    for member in members:
        member.close()


def test_two_machines_find_each_other(lan: Lan, start: Start) -> None:
    """Two machines on one network find each other by mDNS, without any address being named."""
    one, two = start(lan.host("one")), start(lan.host("two"))

    one.wait_for_peer(two)
    two.wait_for_peer(one)


def test_seeds_may_be_ipv6(lan: Lan, start: Start) -> None:
    """A node that listens on IPv6 is reached by its address as a seed, from a node that listens on IPv4."""
    host = lan.host("one", is_plugged_in=False)
    one = start(host, bind="[::1]:5000", discovery="off", secret="")

    two = start(host, bind="127.0.0.1", discovery="off", secret="", seeds=["tcp://[::1]:5000"])

    two.wait_for_peer(one)
    one.wait_for_peer(two)


def test_names_are_seeds_without_multicast(lan: Lan, start: Start) -> None:
    """Nodes without mDNS meet through a name for one of them."""
    one_host, two_host, three_host = lan.host("one"), lan.host("two"), lan.host("three")
    nodes = [
        start(host, discovery="off", bind="0.0.0.0:5100", seeds=[f"dns://{one_host.address}:5100"])
        for host in (one_host, two_host, three_host)
    ]

    for one in nodes:
        for other in nodes:
            if one is not other:
                one.wait_for_peer(other)
