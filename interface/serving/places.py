"""
Where a server listens, as the operator said it: addresses, UNIX sockets, inherited sockets, endpoint strings. Pure.

``ports`` opens them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Any, Final

from zmqlayer.interface.serving.given import BadOption, Given

__all__ = ["Described", "Inherited", "Place", "Tcp", "Unix", "choose_places", "inherited_sockets", "read_bind"]

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8000
FIRST_FD: Final = 3
"""Of the sockets that systemd passes (sd_listen_fds(3))."""

FORMS: Final = (
    re.compile(r"\[(?P<host>[^\]]*:[^\]]*)\](?::(?P<port>[0-9]{1,5}))?"),
    re.compile(r"(?P<host>[^\[\]:]*:[^\[\]:]*:[^\[\]]*)(?P<port>)"),
    re.compile(r"(?P<host>[^\s:\[\]]*)(?::(?P<port>[0-9]{1,5}))?"),
)
"""``[::1]:80`` or ``[::1]``; ``::1``; ``name:80``, ``name`` or ``:80``."""

PLAIN_NAMES: Final = frozenset({"http", "plain"})


@dataclass(frozen=True, slots=True)
class Tcp:
    """
    A TCP port of one host.

    Attributes:
        host: A name or an address; empty for all addresses of the machine.
        is_ipv6_only: Whether ``::`` leaves IPv4 to somebody else.
    """

    host: str
    port: int
    is_ipv6_only: bool = False


@dataclass(frozen=True, slots=True)
class Unix:
    """
    A UNIX socket that is ours to make.

    Attributes:
        mode: Permissions of the socket's file.
    """

    path: str
    mode: int


@dataclass(frozen=True, slots=True)
class Inherited:
    """
    A socket that somebody else opened.

    Attributes:
        is_plain: Whether it is without TLS even if there is a certificate.
    """

    fd: int
    is_plain: bool = False


@dataclass(frozen=True, slots=True)
class Described:
    """An endpoint in Twisted's language, like ``tcp:8000:interface=127.0.0.1``."""

    description: str


Place = Tcp | Unix | Inherited | Described


def choose_places(given: Given, passed: Sequence[Inherited] = ()) -> tuple[Place, ...]:
    """
    Return where to listen: where the operator said, and at what the service manager *passed*; else on port 8000.

    Raises:
        BadOption: ``bind`` is not an address.
    """
    others: list[Place] = [Unix(path, given["unix_socket_mode"]) for path in given["unix_socket"] or ()]
    known = {place.fd for place in passed}  # with the name that the service manager has for each
    others += [Inherited(fd) for fd in given["fd"] or () if fd not in known]
    others += [Described(text) for text in given["endpoint"] or ()]
    others += passed
    if others and not given["bind"] and not given["port"]:
        return tuple(others)
    return (*_share_ports(list(dict.fromkeys(_tcp_places(given)))), *others)


def read_bind(text: str) -> tuple[str, int | None]:
    """
    Split ``host:port``, where either may be missing; an IPv6 address with a port stands in brackets.

    Raises:
        ValueError: It is neither.
    """
    match = next(filter(None, (form.fullmatch(text) for form in FORMS)), None)
    if match is None or int(match["port"] or 0) > 65535 or (":" in match["host"] and not _is_ipv6(match["host"])):
        raise ValueError(f"{text!r} is not HOST[:PORT]; an IPv6 address with a port stands in brackets")
    host = match["host"]
    return "" if host == "*" else host, int(match["port"]) if match["port"] else None


def inherited_sockets(environ: Mapping[str, Any], pid: int) -> tuple[Inherited, ...]:
    """
    Return the sockets that systemd, or another service manager, passed to this process (sd_listen_fds(3)).

    One that is called ``http`` (``FileDescriptorName=``) stays without TLS.
    """
    if environ.get("LISTEN_PID") != str(pid) or not str(environ.get("LISTEN_FDS", "")).isdigit():
        return ()
    names = [*str(environ.get("LISTEN_FDNAMES", "")).split(":")]
    count = int(environ["LISTEN_FDS"])
    names += [""] * (count - len(names))
    return tuple(Inherited(FIRST_FD + number, names[number] in PLAIN_NAMES) for number in range(count))


def _tcp_places(given: Given) -> Iterator[Tcp]:
    for text in given["bind"] or (DEFAULT_HOST,):
        try:
            host, port = read_bind(text)
        except ValueError as exc:
            raise BadOption(given.place("bind"), str(exc)) from exc
        for number in (given["port"] or (DEFAULT_PORT,)) if port is None else (port,):
            yield Tcp(host, number)


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _share_ports(places: Sequence[Tcp]) -> list[Tcp]:
    """Let ``::`` take IPv4 connections as well, unless another place has the same port for IPv4."""
    ipv4 = {place.port for place in places if ":" not in place.host}
    return [
        replace(place, is_ipv6_only=not place.host or (":" in place.host and place.port in ipv4)) for place in places
    ]
