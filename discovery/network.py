"""
What this machine offers mDNS: its interfaces, and a zeroconf instance on those that a scope covers.

Imported on a background thread only: importing zeroconf takes 50 to 100 ms.
"""

from __future__ import annotations

from ipaddress import ip_interface

import ifaddr
from zeroconf import Zeroconf

from zmqlayer.discovery.addresses import Interface, choose_interfaces, multicast_interfaces
from zmqlayer.exceptions import TransportError

__all__ = ["open_zeroconf", "read_interfaces"]


def open_zeroconf(scope: str) -> Zeroconf:
    """
    Open a zeroconf instance on the interfaces of *scope*, with a thread of its own.

    Raises:
        OSError: No socket, or no multicast, on one of them.
    """
    speakers = multicast_interfaces(choose_interfaces(scope, read_interfaces()))
    try:
        return Zeroconf(interfaces=speakers, use_asyncio=False)
    except RuntimeError as exc:  # an adapter went away meanwhile
        raise TransportError(str(exc)) from exc


def read_interfaces() -> list[Interface]:
    """Return every address of every adapter of this machine."""
    return [
        Interface(adapter.nice_name, adapter.index or 0, ip_interface(f"{_text(ip.ip)}/{ip.network_prefix}"))
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    ]


def _text(ip: str | tuple[str, int, int]) -> str:
    return ip if isinstance(ip, str) else ip[0].partition("%")[0]
