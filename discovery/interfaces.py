"""What this machine's network looks like: its interfaces, and under which hosts a node can be reached."""

from __future__ import annotations

import encodings.idna  # noqa: F401  # looking up a name would import it later, perhaps while another thread forks
import socket
from ipaddress import ip_interface

import ifaddr

from zmqlayer.discovery.addresses import LOOPBACK, MOST_HOSTS, Interface, announced_addresses, choose_interfaces

__all__ = ["reachable_hosts", "read_interfaces"]


def reachable_hosts(bind_host: str) -> tuple[str, ...]:
    """
    Return the addresses of a node that is bound to *bind_host*, the most widely reachable first.

    A wildcard stands for the interfaces of the subnet and, after them, for loopback. The name of an interface stands
    for its IPv4 addresses; another name is looked up, and one that cannot be found is returned as it is, for whoever
    binds to it to complain.
    """
    interfaces = read_interfaces()
    outer = announced_addresses([bind_host], choose_interfaces("subnet", interfaces))
    inner = announced_addresses([bind_host], LOOPBACK)
    known = tuple(dict.fromkeys((*outer[: MOST_HOSTS - len(inner)], *inner)))
    own = tuple(str(i.ip.ip) for i in interfaces if i.name == bind_host and i.ip.version == 4)
    return known or own or _look_up(bind_host) or (bind_host,)


def read_interfaces() -> list[Interface]:
    """Return every address of every adapter of this machine."""
    return [
        Interface(adapter.nice_name, adapter.index or 0, ip_interface(f"{_text(ip.ip)}/{ip.network_prefix}"))
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    ]


def _look_up(name: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(str(address[0]) for *_, address in found)


def _text(ip: str | tuple[str, int, int]) -> str:
    return ip if isinstance(ip, str) else ip[0].partition("%")[0]
