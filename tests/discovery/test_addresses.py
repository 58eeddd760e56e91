"""Which interfaces a scope covers, what is announced on them, and which announced hosts are dialled first."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.discovery.addresses import (
    LOOPBACK,
    MOST_HOSTS,
    Interface,
    announced_addresses,
    choose_interfaces,
    multicast_interfaces,
    order_hosts,
)

LO = Interface("lo", 1, ip_interface("127.0.0.1/8"))
ETH0 = Interface("eth0", 2, ip_interface("192.168.1.5/24"))
ETH0_SECOND = Interface("eth0", 2, ip_interface("10.9.0.5/16"))
ETH0_V6 = Interface("eth0", 2, ip_interface("2001:db8::5/64"))
ETH0_LINK = Interface("eth0", 2, ip_interface("fe80::5/64"))
WLAN_V6 = Interface("wlan0", 3, ip_interface("2001:db8:1::5/64"))
DOCKER = Interface("docker0", 4, ip_interface("172.17.0.1/16"))
VETH = Interface("veth1a2b", 5, ip_interface("fe80::6/64"))
BRIDGE = Interface("br-55aa", 6, ip_interface("172.18.0.1/16"))
LAPTOP = (LO, ETH0, ETH0_V6, ETH0_LINK, DOCKER, VETH, BRIDGE)

hosts = st.ip_addresses().map(str)


def test_localhost_covers_loopback_only() -> None:
    """The scope localhost is loopback, whatever else the machine has."""
    assert choose_interfaces("localhost", LAPTOP) == LOOPBACK


def test_subnet_leaves_out_loopback_and_containers() -> None:
    """The scope subnet leaves out loopback, container bridges and, where there is better, link-local addresses."""
    assert choose_interfaces("subnet", LAPTOP) == (ETH0, ETH0_V6)


def test_subnet_takes_link_local_for_want_of_better() -> None:
    """A machine with link-local addresses only uses them."""
    assert choose_interfaces("subnet", (LO, ETH0_LINK, DOCKER)) == (ETH0_LINK,)


def test_subnet_falls_back_to_loopback() -> None:
    """A machine without a network still lets its own nodes meet."""
    assert choose_interfaces("subnet", (LO, DOCKER)) == LOOPBACK


@pytest.mark.parametrize(
    ("chosen", "speakers"),
    [
        (LOOPBACK, ["127.0.0.1"]),
        ((ETH0_V6, ETH0, ETH0_SECOND), ["192.168.1.5"]),
        ((ETH0, WLAN_V6), ["192.168.1.5", 3]),
        ((WLAN_V6,), [3]),
    ],
)
def test_each_adapter_speaks_once(chosen: tuple[Interface, ...], speakers: list[str | int]) -> None:
    """mDNS runs once per adapter: over IPv4 where it can, else by the adapter's index."""
    assert multicast_interfaces(chosen) == speakers


@pytest.mark.parametrize(
    ("listening", "chosen", "announced"),
    [
        (("127.0.0.1",), LOOPBACK, ("127.0.0.1",)),
        (("0.0.0.0",), LOOPBACK, ("127.0.0.1",)),
        (("::",), LOOPBACK, ("127.0.0.1", "::1")),
        (("*",), (ETH0_V6, ETH0), ("192.168.1.5", "2001:db8::5")),
        (("0.0.0.0",), (ETH0, ETH0_V6), ("192.168.1.5",)),
        (("::",), (ETH0, ETH0_V6), ("192.168.1.5", "2001:db8::5")),
        (("0.0.0.0", "::"), (ETH0, ETH0_V6), ("192.168.1.5", "2001:db8::5")),
        (("192.168.1.5",), (ETH0, ETH0_V6), ("192.168.1.5",)),
        (("127.0.0.1",), (ETH0,), ()),
        (("192.168.1.5",), LOOPBACK, ()),
        (("localhost", "a b"), LOOPBACK, ()),
    ],
)
def test_announced_are_the_reachable(
    listening: tuple[str, ...], chosen: tuple[Interface, ...], announced: tuple[str, ...]
) -> None:
    """Wildcards become the scope's addresses; addresses outside the scope are not announced."""
    assert announced_addresses(listening, chosen) == announced


def test_hosts_of_our_networks_come_first() -> None:
    """A host in a network of ours is dialled before the others, whose order stays."""
    ordered = order_hosts(["10.1.1.1", "2001:db8::9", "172.17.0.9", "192.168.1.9"], (ETH0, ETH0_V6))

    assert ordered == ["2001:db8::9", "192.168.1.9", "10.1.1.1", "172.17.0.9"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::", "224.0.0.251", "ff02::fb"])
def test_subnet_never_dials_itself(host: str) -> None:
    """Loopback, wildcard and multicast addresses in a subnet's record are ignored, whoever wrote it."""
    assert order_hosts([host], (ETH0,)) == []


def test_localhost_dials_loopback_only() -> None:
    """A record heard on the local scope that names another machine is ignored."""
    assert order_hosts(["192.168.1.9", "127.0.0.1"], LOOPBACK) == ["127.0.0.1"]


@given(st.lists(hosts, max_size=20), st.sampled_from([LOOPBACK, (ETH0, ETH0_V6), (WLAN_V6,)]))
def test_ordering_only_selects(announced: list[str], chosen: tuple[Interface, ...]) -> None:
    """Ordering invents no host and takes a bounded number of them, whatever a record claims."""
    ordered = order_hosts(announced, chosen)

    assert len(ordered) <= MOST_HOSTS
    assert set(ordered) <= set(announced)
    assert all(ip_address(host).is_loopback == (chosen is LOOPBACK) for host in ordered)
