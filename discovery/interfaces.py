"""What addresses this machine has, and under which of them others can reach a node."""

from __future__ import annotations

from ipaddress import ip_interface

import ifaddr

from zmqlayer.discovery.addresses import Interface, announced_addresses, choose_interfaces

__all__ = ["reachable_hosts", "read_interfaces"]


def read_interfaces() -> list[Interface]:
    """Return every address of every adapter of this machine."""
    return [
        Interface(adapter.nice_name, adapter.index or 0, ip_interface(f"{_text(ip.ip)}/{ip.network_prefix}"))
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    ]


def reachable_hosts(host: str) -> tuple[str, ...]:
    """Return the hosts under which others reach a node that is bound to *host*; itself, unless it is a wildcard."""
    if host not in ("0.0.0.0", "::"):
        return (host,)
    return announced_addresses([host], choose_interfaces("subnet", read_interfaces())) or ("127.0.0.1",)


def _text(ip: str | tuple[str, int, int]) -> str:
    return ip if isinstance(ip, str) else ip[0].partition("%")[0]
