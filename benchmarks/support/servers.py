"""The servers that are compared, each with what answers for it."""

from __future__ import annotations

import http.client
import secrets
import ssl
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol, Self

from support.certificate import write_certificate
from support.processes import Process, free_port, run_python, wait_until

__all__ = ["AsgiMesh", "Daphne", "Mesh", "Server", "ViewMesh", "answers", "has_daphne"]

START_WITHIN_S: Final = 20.0


class Server(Protocol):
    """
    A server that runs inside the ``with``.

    Attributes:
        port: On 127.0.0.1.
        server: The process that holds the connections.
        workers: Those that answer for it, if others do.
    """

    port: int
    server: Process
    workers: list[Process]

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


class Mesh:
    """
    One interface server, and one worker with one thread.

    Args:
        prefetch: Setting of the worker: messages it may hold beyond the one that it waits for.
        flags: For ``zmqlayer interface``.
        is_tls: Listen with TLS, and a certificate that is made for it.
    """

    def __init__(self, prefetch: int = 0, flags: tuple[str, ...] = (), *, is_tls: bool = False) -> None:
        self._prefetch = prefetch
        self._flags = flags
        self._is_tls = is_tls

    def __enter__(self) -> Self:
        self.port = free_port()
        cluster = f"benchmark-{secrets.token_hex(4)}"
        listen: tuple[str, ...] = ("--port", str(self.port), "--cluster", cluster, "--verbosity", "0")
        self._stack = ExitStack()
        if self._is_tls:
            certificate = Path(self._stack.enter_context(TemporaryDirectory())) / "localhost.pem"
            write_certificate(certificate)
            listen += ("--tls-cert", str(certificate))
        self.server = Process([sys.executable, "-m", "zmqlayer.interface", *listen, *self._flags])
        self.workers = [self._worker(cluster)]
        for process in (self.server, *self.workers):
            self._stack.enter_context(process)
        wait_until(lambda: answers(self.port, self._is_tls), START_WITHIN_S, "an answer of our server", self.server)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def _worker(self, cluster: str) -> Process:
        return run_python("bare_worker.py", cluster, self._prefetch)


class ViewMesh(Mesh):
    """One interface server, and one Django worker with one thread and no middleware; ``/`` is a function."""

    def _worker(self, cluster: str) -> Process:
        return run_python("view_worker.py", cluster, "", "bare", self._prefetch)


class AsgiMesh(Mesh):
    """
    One interface server, and ``zmqlayer worker`` with the application that Daphne serves in its own process.

    Args:
        loop: Of the worker: ``asyncio`` or ``uvloop``.
        application: Its module and name.
    """

    def __init__(self, loop: str, application: str = "support.asgi_app:application") -> None:
        super().__init__()
        self._loop = loop
        self._application = application

    def _worker(self, cluster: str) -> Process:
        run = "from zmqlayer.cli import main; main()"
        options = ("--cluster", cluster, "--loop", self._loop, "--log-level", "warning")
        return Process([sys.executable, "-c", run, "worker", self._application, *options])


class Daphne:
    """Daphne 4 with a bare ASGI application in its own process."""

    def __init__(self, flags: tuple[str, ...] = ()) -> None:
        self.workers: list[Process] = []
        self._flags = flags

    def __enter__(self) -> Self:
        self.port = free_port()
        listen = ("--port", str(self.port), "--bind", "127.0.0.1", "--verbosity", "0")
        self.server = Process([sys.executable, "-m", "daphne", *listen, *self._flags, "support.asgi_app:application"])
        self.server.__enter__()
        wait_until(lambda: answers(self.port), START_WITHIN_S, "an answer of Daphne", self.server)
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.__exit__(*exc)


def has_daphne() -> bool:
    """Whether Daphne is installed here."""
    return find_spec("daphne") is not None


def answers(port: int, is_tls: bool = False) -> bool:
    """Whether somebody says 200 to a request at *port* of loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    if is_tls:
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=2.0, context=context)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
