"""
Listening sockets: made for an address, taken over from another process, and cleared of what a killed one left behind.

Used by ``ports``. Whatever goes wrong is one sentence with the cure.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.interface.serving.places import Tcp

__all__ = ["CURES", "CannotServe", "bind", "clear", "inherit", "resolve"]

CURES: Final = {
    errno.EADDRINUSE: "it is in use; stop what uses it, or choose another port with -p",
    errno.EACCES: (
        "ports below 1024 need a privilege: let systemd open it, grant CAP_NET_BIND_SERVICE, or choose another "
        "port with -p"
    ),
    errno.EADDRNOTAVAIL: "this machine has no such address; -b 0.0.0.0 and -b :: stand for all",
    errno.EAFNOSUPPORT: "this machine does not speak that kind of address",
}


class CannotServe(ZmqLayerError):
    """The server cannot start; the text is for the operator, and names the cure."""


def resolve(place: Tcp) -> list[tuple[int, tuple[Any, ...]]]:
    """Return family and address of each address that a host's name stands for."""
    try:
        found = socket.getaddrinfo(place.host or None, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as exc:
        raise CannotServe(f"cannot listen on {place.host}: the name is not known: {exc.strerror or exc}") from exc
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def bind(place: Tcp, family: int, address: tuple[Any, ...], backlog: int) -> socket.socket | None:
    """Return a socket that listens, or None for an address that a name has and this machine has not."""
    listening = None
    try:
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, place.is_ipv6_only)
        listening.bind(address)
        listening.listen(backlog)
        return listening
    except OSError as exc:
        if listening is not None:
            listening.close()
        if exc.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and place.host != address[0]:
            return None
        shown = CURES.get(exc.errno or 0, exc.strerror or str(exc))
        raise CannotServe(f"cannot listen on {place.host or '*'} port {address[1]}: {shown}") from exc


def inherit(fd: int) -> socket.socket:
    """Return a duplicate of an inherited socket, after a look at what it is."""
    try:
        listening = socket.socket(fileno=os.dup(fd))
    except OSError as exc:
        raise CannotServe(f"cannot listen on file descriptor {fd}: no socket was passed to this process there") from exc
    try:
        is_stream = listening.type == socket.SOCK_STREAM
        if not is_stream or not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise CannotServe(f"cannot listen on file descriptor {fd}: it is not a stream socket that listens")
        os.set_inheritable(fd, False)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def clear(path: str) -> None:
    """Remove the socket that a server which was killed has left behind."""
    try:
        is_socket = stat.S_ISSOCK(Path(path).stat().st_mode)
    except OSError:
        return
    if not is_socket:
        raise CannotServe(f"cannot listen on {path}: it is a file, and no socket; choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            with suppress(FileNotFoundError):
                Path(path).unlink()
            return
        except OSError as exc:
            raise CannotServe(f"cannot listen on {path}: {exc.strerror or exc}") from exc
    raise CannotServe(f"cannot listen on {path}: another process does; stop it, or choose another path")
