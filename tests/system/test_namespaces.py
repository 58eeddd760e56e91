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


def test_loopback_alone_is_enough(lan: Lan, start: Start) -> None:
    """On a machine without any network the nodes of it find each other."""
    host = lan.host("alone", is_plugged_in=False)

    one, two = start(host), start(host)

    one.wait_for_peer(two)
    two.wait_for_peer(one)


def test_no_default_route_is_needed(lan: Lan, start: Start) -> None:
    """Two machines whose network leads nowhere else find each other."""
    one, two = (start(lan.host(name, has_default_route=False)) for name in ("one", "two"))

    one.wait_for_peer(two)
    two.wait_for_peer(one)


@pytest.mark.parametrize("has_ipv6", [True, False])
def test_ipv6_alone_is_enough(lan: Lan, start: Start, has_ipv6: bool) -> None:
    """Two machines without IPv4 find each other: by their IPv6 addresses, or by link-local ones only."""
    one, two = (start(lan.host(name, has_ipv4=False, has_ipv6=has_ipv6)) for name in ("one", "two"))

    one.wait_for_peer(two)
    two.wait_for_peer(one)


def test_dead_interfaces_cost_no_time(lan: Lan, start: Start) -> None:
    """A machine with five more interfaces that lead nowhere is linked within a second all the same."""
    many, plain = lan.host("many"), lan.host("plain")
    for number in range(5):
        many.add_dead_interface(f"dead{number}", f"10.{number}.0.1/24")
    one = start(many)
    assert one.node

    two = start(plain)

    assert two.wait_for_peer(one) < 1.0


def test_a_seed_helps_where_multicast_does_not(lan: Lan, start: Start) -> None:
    """Without multicast a node says once what to do, and one seed links it to all."""
    hosts = [lan.host(name) for name in ("one", "two", "three")]
    for host in hosts:
        host.ip("link", "set", "eth0", "multicast", "off")
        host.ip("route", "add", "unreachable", "224.0.0.0/4")
    seeds = [f"tcp://{hosts[0].address}:5100"]
    nodes = [start(host, bind="0.0.0.0:5100", seeds=seeds) for host in hosts]

    for one in nodes:
        for other in nodes:
            if one is not other:
                one.wait_for_peer(other)


def test_a_new_address_is_followed(lan: Lan, start: Start) -> None:
    """A machine that gets another address while its nodes run is linked again, and newcomers find it there."""
    mobile, fixed = lan.host("mobile"), lan.host("fixed")
    one, two = start(mobile), start(fixed)
    two.wait_for_peer(one)

    mobile.ip("addr", "del", f"{mobile.address}/24", "dev", "eth0")
    mobile.ip("addr", "add", "10.77.0.200/24", "dev", "eth0")

    two.wait_for_peer(one, "gone")
    one.wait_for_line(r"(?m)^([0-9.]+) s: \S+ gone$(.|\n)*ready$", 40.0)
    three = start(fixed)
    three.wait_for_peer(one)
