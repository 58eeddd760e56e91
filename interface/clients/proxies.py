"""
The client behind a proxy: who it is, as proxies that are trusted tell it. Pure.

Each proxy on the way appends to ``X-Forwarded-For`` whom it talked to. What stands on the left of the list the client
may have written itself; so the list is read from the right, as long as the proxies are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self
from urllib.parse import unquote_to_bytes

from zmqlayer.exceptions import ConfigError
from zmqlayer.interface.clients.head import Head
from zmqlayer.interface.clients.wire import Origin
from zmqlayer.interface.options import ServerOptions

__all__ = ["Proxies", "Seen"]

ROOT_PATH: Final = b"daphne-root-path"
"""Where a proxy has mounted the site; the name is Daphne's, so that its configurations go on working."""

SECURE: Final = {b"https": True, b"wss": True, b"http": False, b"ws": False}

SITE: Final = re.compile(rb"[A-Za-z0-9.\-_]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
HOP: Final = re.compile(
    r"\[(?P<v6>[0-9A-Fa-f:.]+(?:%[\w.~-]+)?)\](?::\d+)?|(?P<v4>[0-9.]+)(?::\d+)?|(?P<bare>[0-9A-Fa-f:.]+)", re.ASCII
)

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as its client made it, with all proxies taken away."""

    head: Head
    origin: Origin
    is_secure: bool
    root_path: str


@dataclass(frozen=True, slots=True)
class Proxies:
    """
    The proxies that are believed, and the headers in which they tell.

    Attributes:
        networks: Where trusted proxies are; peers of a UNIX socket are always trusted.
        is_any: Whether all addresses are trusted.
    """

    networks: tuple[Network, ...]
    is_any: bool
    client_field: bytes
    port_field: bytes
    proto_field: bytes
    site_field: bytes

    @classmethod
    def from_options(cls, options: ServerOptions) -> Self | None:
        """
        Return the proxies of a server; None if none is believed.

        Raises:
            ConfigError: ``forwarded_allow_ips`` holds what is neither an address nor a network.
        """
        if not options.proxy_headers:
            return None
        return cls(
            tuple(_networks(options.forwarded_allow_ips)),
            "*" in options.forwarded_allow_ips,
            options.proxy_headers_host.lower().encode("latin-1"),
            options.proxy_headers_port.lower().encode("latin-1"),
            options.proxy_headers_proto.lower().encode("latin-1"),
            options.proxy_headers_site.lower().encode("latin-1"),
        )

    def look_behind(self, seen: Seen) -> Seen:
        """Return what a trusted proxy tells of a request; of any other peer's, the request as it came."""
        peer = seen.origin.client
        if peer is not None and not self.is_trusted(str(peer[0])):
            return seen
        return Seen(
            head=self._site(seen.head),
            origin=self._origin(seen),
            is_secure=self._is_secure(seen),
            root_path=_root_path(seen),
        )

    def is_trusted(self, host: str) -> bool:
        """Whether the peer at an address is believed."""
        if self.is_any:
            return True
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:  # of a socket for both families
            address = address.ipv4_mapped
        return any(address in network for network in self.networks)

    def _origin(self, seen: Seen) -> Origin:
        client = self._client(seen.head)
        server = seen.origin.server
        port = _last(seen.head, self.port_field)
        if server is not None and port.isdigit() and 0 < int(port[:6]) < 65536:
            server = [server[0], int(port)]
        # The port of the client itself is not told.
        return Origin(client=[client, 0] if client else seen.origin.client, server=server)

    def _client(self, head: Head) -> str:
        """Return the nearest address that is no trusted proxy; the farthest, if all are; empty if there is none."""
        found = ""
        for hop in reversed(_members(head, self.client_field)):
            address = _address(hop)
            if not address:  # "unknown", or garbage: whoever said that is as far as one can see
                break
            found = address
            if not self.is_trusted(address):
                break
        return found

    def _is_secure(self, seen: Seen) -> bool:
        return SECURE.get(_last(seen.head, self.proto_field).lower(), seen.is_secure)

    def _site(self, head: Head) -> Head:
        """Put the host that the client called into the Host header; take away what is ours alone."""
        fields = tuple(field for field in head.fields if field[0] != ROOT_PATH)
        site = _last(head, self.site_field)
        if SITE.fullmatch(site):
            fields = ((b"host", site), *(field for field in fields if field[0] != b"host"))
        return head if fields == head.fields else head._replace(fields=fields)


def _networks(texts: Iterable[str]) -> Iterable[Network]:
    for text in texts:
        if text == "*":
            continue
        try:
            yield ip_network(text, strict=False)
        except ValueError:
            raise ConfigError("forwarded_allow_ips", f"{text!r} is neither an address nor a network nor '*'") from None


def _members(head: Head, name: bytes) -> list[bytes]:
    """Return the members of a list that may be spread over several fields (RFC 9110, 5.3)."""
    return [member.strip() for value in head.values(name) for member in value.split(b",")] if name else []


def _last(head: Head, name: bytes) -> bytes:
    return (_members(head, name) or [b""])[-1]


def _address(hop: bytes) -> str:
    """Return the address of one hop without its port; empty if it is none."""
    match = HOP.fullmatch(hop.decode("latin-1"))
    text = (match["v6"] or match["v4"] or match["bare"]) if match else ""
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def _root_path(seen: Seen) -> str:
    values = seen.head.values(ROOT_PATH)
    try:
        return unquote_to_bytes(values[0]).decode("utf-8") if values else seen.root_path
    except UnicodeDecodeError:
        return seen.root_path
