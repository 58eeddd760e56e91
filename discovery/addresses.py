"""
Which addresses of this machine to announce and to listen on, and which announced ones to dial first. Pure.

The scope ``localhost`` knows loopback and nothing else. The scope ``subnet`` knows every interface except
loopback and the inner sides of containers (``docker0``, ``veth…``, ``br-…``), whose addresses nobody outside
can reach; a machine that has no other interface falls back to loopback, so that its own nodes still meet.
Each scope ignores the addresses of the other, whoever announces them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from typing import Final

__all__ = [
    "LOOPBACK",
    "MOST_HOSTS",
    "Interface",
    "announced_addresses",
    "choose_interfaces",
    "multicast_interfaces",
    "order_hosts",
]

MOST_HOSTS: Final = 8
"""Addresses told of or taken from one node: a machine has a few; a record may claim hundreds."""

_INNER: Final = ("docker", "veth", "br-")
_WILDCARDS: Final = {"0.0.0.0": (4,), "::": (4, 6), "*": (4, 6)}


@dataclass(frozen=True, slots=True)
class Interface:
    """
    One address of one network adapter.

    Attributes:
        name: The adapter's name, like ``eth0``.
        index: The adapter's number in this system.
        ip: The address with its network.
    """

    name: str
    index: int
    ip: IPv4Interface | IPv6Interface


LOOPBACK: Final = (
    Interface("lo", 1, ip_interface("127.0.0.1/8")),
    Interface("lo", 1, ip_interface("::1/128")),
)


def choose_interfaces(scope: str, existing: Iterable[Interface]) -> tuple[Interface, ...]:
    """
    Return the interfaces that *scope* covers.

    Args:
        scope: ``"localhost"`` or ``"subnet"``.
        existing: What this machine has.
    """
    if scope == "localhost":
        return LOOPBACK
    outer = [i for i in existing if not i.ip.is_loopback and not i.name.startswith(_INNER)]
    return tuple(i for i in outer if not i.ip.is_link_local) or tuple(outer) or LOOPBACK


def multicast_interfaces(chosen: Sequence[Interface]) -> list[str | int]:
    """
    Return where to speak mDNS: one entry per adapter.

    That is the IPv4 address where there is one (its packets carry IPv6 addresses too), else the adapter's index.
    """
    speakers: dict[int, str | int] = {}
    for interface in sorted(chosen, key=lambda i: i.ip.version):
        speakers.setdefault(interface.index, str(interface.ip.ip) if interface.ip.version == 4 else interface.index)
    return list(speakers.values())


def announced_addresses(listening: Iterable[str], chosen: Sequence[Interface]) -> tuple[str, ...]:
    """
    Return the addresses at which peers of this scope can reach a node, IPv4 before IPv6.

    Args:
        listening: What the node is bound to; ``*``, ``0.0.0.0`` and ``::`` stand for all interfaces, names for nothing.
        chosen: The interfaces of the scope.
    """
    addresses: dict[str, None] = {}
    for host in listening:
        if host in _WILDCARDS:
            reached = [i.ip for i in chosen if i.ip.version in _WILDCARDS[host]]
            addresses.update((str(ip.ip), None) for ip in sorted(reached, key=lambda ip: ip.version))
        elif _is_address(host) and ip_address(host).is_loopback == _is_loopback(chosen):
            addresses[host] = None
    return tuple(addresses)


def order_hosts(hosts: Iterable[str], chosen: Sequence[Interface]) -> list[str]:
    """
    Return those announced *hosts* that this scope may dial, the most promising first.

    Hosts in a network of ours come first, then the rest as announced; at most :data:`MOST_HOSTS`.
    """
    usable = [host for host in hosts if _is_dialable(host, chosen)]
    usable.sort(key=lambda host: not any(ip_address(host) in i.ip.network for i in chosen))
    return usable[:MOST_HOSTS]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_dialable(host: str, chosen: Sequence[Interface]) -> bool:
    ip = ip_address(host)
    return ip.is_loopback == _is_loopback(chosen) and not ip.is_unspecified and not ip.is_multicast


def _is_loopback(chosen: Sequence[Interface]) -> bool:
    return all(interface.ip.is_loopback for interface in chosen)
