"""
What a forked child inherits of its parent's connections: copies of their files, to be given up.

While a child holds a copy, a connection does not end with the parent: its peers would not notice for seconds that
it died, and its ports would stay taken. libzmq does not tell its files, so they are known by their addresses.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from zmqlayer.sockets import socket_at

__all__ = ["give_up_connections"]

OPEN_FILES: Final = Path("/dev/fd")

Endpoint = tuple[str, int]


def give_up_connections(own_ports: frozenset[int], addresses: Iterable[str]) -> None:
    """
    Close this process's copies of TCP sockets, without a word to the other side.

    Args:
        own_ports: Ports that the parent listened on: those sockets, and what they accepted.
        addresses: ``tcp://host:port`` of what it was connected to; a host that is a name is passed over.
    """
    remote = frozenset(filter(None, map(_read_endpoint, addresses)))
    for entry in list(OPEN_FILES.iterdir()):
        with suppress(OSError):  # no socket, or closed meanwhile
            connection = socket_at(int(entry.name))
            if _is_one_of(connection, own_ports, remote):
                connection.close()
            else:
                connection.detach()


def _is_one_of(connection: socket.socket, own_ports: frozenset[int], remote: frozenset[Endpoint]) -> bool:
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    if connection.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) != socket.SOCK_STREAM:
        return False
    if connection.getsockname()[1] in own_ports:
        return True
    try:
        host, port = connection.getpeername()[:2]
    except OSError:  # it is not connected
        return False
    return (_plain(host), port) in remote


def _read_endpoint(address: str) -> Endpoint | None:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    try:
        return _plain(host.strip("[]")), int(port)
    except ValueError:
        return None


def _plain(host: str) -> str:
    """
    Return an IP address in its one usual form, without a zone.

    Raises:
        ValueError: It is a name.
    """
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
