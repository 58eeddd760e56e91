"""One interface server as a process, with any options, that finds nobody."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from support.cluster import Member, clean_environ

__all__ = ["InterfaceRun", "UnixConnection", "status_of", "trusting"]

PASS: Final = """
import fcntl, os, sys
numbers, names, options = sys.argv[1], sys.argv[2], sys.argv[3:]
high = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 100) for number in numbers.split(",")]
for place, number in enumerate(high):
    os.dup2(number, 3 + place)
if names != "-":
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=names)
os.execv(sys.executable, [sys.executable, "-Im", "zmqlayer.interface", *options])
"""
"""What systemd does between fork and exec: put the sockets from number 3 on, and say for whom they are."""


class InterfaceRun(Member):
    """
    A server alone in its cluster.

    Args:
        environ: Variables in addition to the usual ones.
        passed: Listening sockets that it is given as systemd gives them.
        names: Of these, with colons between them; a hyphen lets nobody speak of them.
    """

    def __init__(
        self,
        *options: str,
        environ: Mapping[str, str] | None = None,
        passed: Sequence[socket.socket] = (),
        names: str = "",
    ) -> None:
        given = ["--discovery", "off", *options]
        numbers = [listening.fileno() for listening in passed]
        command = ["-Im", "zmqlayer.interface"]
        if passed:
            command = ["-Ic", PASS, ",".join(map(str, numbers)), names]
        super().__init__(*command, *given, environ={**clean_environ(), **(environ or {})}, descriptors=numbers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def port(self, scheme: str = "http", host: str = r"127\.0\.0\.1") -> int:
        """Return the port of a place; waits until the server listens there."""
        return int(self.wait_for_line(rf"^Listening on {scheme}://{host}:(\d+)\b")[1])

    def fails(self) -> tuple[int, str]:
        """Wait until it ends by itself; return its status and what it wrote."""
        status = self.process.wait(20)
        self._reading.join(5)
        return status, self.output


class UnixConnection(http.client.HTTPConnection):
    """A client's connection over a UNIX socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


def status_of(connection: http.client.HTTPConnection, path: str = "/", *, is_kept: bool = False) -> int:
    """Ask for *path*, read the answer, and return its status; then close the connection, unless it *is_kept*."""
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    if not is_kept:
        connection.close()
    return response.status


def trusting(cert: Path) -> ssl.SSLContext:
    """Return what a client needs that trusts *cert* alone."""
    return ssl.create_default_context(cafile=str(cert))
