"""The servers that are compared, each with what answers for it."""

from __future__ import annotations

import http.client
import secrets
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Final, Protocol, Self

from support.processes import Process, free_port, run_python, wait_until

__all__ = ["Daphne", "Mesh", "Server", "has_daphne"]

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
    """

    def __init__(self, prefetch: int = 0, flags: tuple[str, ...] = ()) -> None:
        self._prefetch = prefetch
        self._flags = flags

    def __enter__(self) -> Self:
        self.port = free_port()
        cluster = f"benchmark-{secrets.token_hex(4)}"
        listen = ("--port", str(self.port), "--cluster", cluster, "--verbosity", "0")
        self.server = Process([sys.executable, "-m", "zmqlayer.interface", *listen, *self._flags])
        self.workers = [run_python("bare_worker.py", cluster, self._prefetch)]
        self._stack = ExitStack()
        for process in (self.server, *self.workers):
            self._stack.enter_context(process)
        wait_until(lambda: _answers(self.port), START_WITHIN_S, "an answer of the interface server", self.server)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()


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
        wait_until(lambda: _answers(self.port), START_WITHIN_S, "an answer of Daphne", self.server)
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.__exit__(*exc)


def has_daphne() -> bool:
    """Whether Daphne is installed here."""
    return find_spec("daphne") is not None


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
