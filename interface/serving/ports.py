"""
Opens the places where a server listens, each for a factory that may stand behind TLS.

Whatever goes wrong is one sentence with the cure. ``server`` calls this, and keeps what was opened.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet import unix
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.python.failure import Failure

from zmqlayer.interface.serving.places import Described, Inherited, Place, Tcp, Unix
from zmqlayer.interface.serving.sockets import CURES, CannotServe, bind, clear, inherit, resolve

__all__ = ["Opened", "Opener", "Port"]

logger = logging.getLogger(__name__)


class Port(Protocol):
    """What listens, and can be told to stop."""

    def stopListening(self) -> object: ...


class Opened:
    """
    A place that is open.

    Attributes:
        shown: What to tell the operator: URLs, where there are any.
        ports: What listens there; an endpoint may need time.
        problem: Why an endpoint could not be opened; empty if it could, or may still.
    """

    def __init__(self, shown: Sequence[str], *ports: Port) -> None:
        self.shown = tuple(shown)
        self.ports = list(ports)
        self.problem = ""

    def fail(self, reason: Failure) -> None:
        """Note that an endpoint could not be opened."""
        self.problem = reason.getErrorMessage()
        logger.error("%s could not be opened: %s", ", ".join(self.shown), self.problem)


class Opener:
    """
    Opens places on one reactor.

    Args:
        plain: Makes connections without TLS.
        secure: The same behind TLS; None where there is no certificate.
        backlog: Connections that the system keeps until they are accepted.
    """

    def __init__(self, reactor: Any, plain: Any, secure: Any, backlog: int) -> None:
        self._reactor = reactor
        self._plain = plain
        self._secure = secure
        self._backlog = backlog

    def open(self, place: Place) -> Opened:
        """
        Begin to accept clients at *place*.

        Raises:
            CannotServe: It cannot be opened.
        """
        if isinstance(place, Tcp):
            return self._open_tcp(place)
        if isinstance(place, Unix):
            return self._open_unix(place)
        if isinstance(place, Inherited):
            return self._open_inherited(place)
        return self._open_described(place)

    def _open_tcp(self, place: Tcp) -> Opened:
        ports: list[Port] = []
        hosts: list[str] = []
        number = place.port
        for family, address in resolve(place):
            listening = bind(place, family, (address[0], number, *address[2:]), self._backlog)
            if listening is None:
                continue
            number = listening.getsockname()[1]
            ports.append(self._adopt(listening, self._secure or self._plain))
            hosts.append(place.host or address[0])
        if not ports:
            raise CannotServe(f"cannot listen on {place.host} port {place.port}: {CURES[errno.EADDRNOTAVAIL]}")
        return Opened([_url(host, number, self._secure is not None) for host in dict.fromkeys(hosts)], *ports)

    def _open_unix(self, place: Unix) -> Opened:
        clear(place.path)
        try:
            port = self._reactor.listenUNIX(place.path, self._plain, backlog=self._backlog, mode=place.mode)
        except CannotListenError as exc:
            reason = exc.socketError
            raise CannotServe(f"cannot listen on {place.path}: {reason.strerror or reason}") from exc
        return Opened([f"unix:{place.path}"], port)

    def _open_inherited(self, place: Inherited) -> Opened:
        listening = inherit(place.fd)
        if listening.family == socket.AF_UNIX:
            path = os.fsdecode(listening.getsockname())
            return Opened([f"unix:{path} (inherited)"], self._adopt_unix(listening))
        is_secure = self._secure is not None and not place.is_plain
        host, number, *_ = listening.getsockname()
        port = self._adopt(listening, self._secure if is_secure else self._plain)
        return Opened([f"{_url(host, number, is_secure)} (inherited)"], port)

    def _open_described(self, place: Described) -> Opened:
        failure = f"cannot listen on {place.description}"
        try:
            listening: Deferred[Any] = serverFromString(self._reactor, place.description).listen(self._plain)
        except (ValueError, TypeError, LookupError, OSError) as exc:
            raise CannotServe(f"{failure}: it is no endpoint that Twisted can open: {exc}") from exc
        opened = Opened([f"endpoint {place.description}"])
        listening.addCallbacks(opened.ports.append, opened.fail)
        if opened.problem:
            raise CannotServe(f"{failure}: {opened.problem}")
        return opened

    def _adopt(self, listening: socket.socket, factory: Any) -> Port:
        with listening:  # the reactor makes a duplicate
            port: Port = self._reactor.adoptStreamPort(listening.fileno(), listening.family, factory)
            return port

    def _adopt_unix(self, listening: socket.socket) -> Port:
        # adoptStreamPort would change the mode of the socket's file, and remove it in the end; it is not ours. A name
        # that begins with a zero is that of no file.
        port = unix.Port(b"\0inherited", self._plain, self._backlog, reactor=self._reactor)
        port._preexistingSocket = listening
        port.startListening()
        return port


def _url(host: str, port: int, is_secure: bool) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if is_secure else 'http'}://{shown}:{port}"
