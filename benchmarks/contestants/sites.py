"""
What runs while a server is measured: servers, and what answers for them.

Before a round begins, every process that answers is asked for ``/ready``, where it takes what start-up left out of
garbage collection, on all sides alike; our server does that by itself.
"""

from __future__ import annotations

import http.client
import secrets
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from contestants.brokers import require_package
from support.certificate import write_certificate
from support.processes import Observed, Process, free_port, wait_until

__all__ = ["PROGRAM", "Alone", "Command", "Mesh", "OpenSite", "Site"]

PROGRAM: Final = (sys.executable, "-c", "from zmqlayer.cli import main; main()")
START_WITHIN_S: Final = 30.0
ANSWER_WITHIN_S: Final = 2.0

Command = Callable[[str], Sequence[str]]
"""What to run, by the cluster of a worker or the port of a server."""


class Site:
    """
    Servers that run inside the ``with``.

    Args:
        packages: What has to be installed: modules, by what they are installed with.
        environment: Of all processes.

    Attributes:
        ports: One for each server, on 127.0.0.1.
        servers: The processes that hold connections.
        workers: Those that answer for them, if others do.
    """

    def __init__(self, packages: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._packages = packages
        self._environment = {"DJANGO_SETTINGS_MODULE": "support.project.settings", **environment}

    def __enter__(self) -> Self:
        """
        Start everything, and wait until it answers.

        Raises:
            support.scenario.Missing: A package is.
            RuntimeError: Something does not start within 30 s.
        """
        for distribution, module in self._packages.items():
            require_package(module, distribution)
        self.ports: list[int] = []
        self.servers: list[Observed] = []
        self.workers: list[Observed] = []
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    @property
    def port(self) -> int:
        """Of the first server."""
        return self.ports[0]

    def _start(self, stack: ExitStack) -> None:
        raise NotImplementedError

    def _run(self, stack: ExitStack, argv: Sequence[str]) -> Process:
        return stack.enter_context(Process(argv, self._environment))


OpenSite = Callable[[], Site]
"""Makes one that has not started yet."""


class Mesh(Site):
    """
    Interface servers and one worker process.

    Args:
        worker: The command of the worker, by its cluster.
        flags: Of ``zmqlayer interface``.
        servers: How many.
        middleware: ``seven``, or none if empty.
        is_tls: Listen with TLS, and a certificate that is made for it.
        is_encrypted: Give the project a secret, as projects have; brokers that are compared encrypt nothing.
    """

    def __init__(
        self,
        worker: Command,
        flags: Sequence[str] = (),
        *,
        servers: int = 1,
        middleware: str = "",
        is_tls: bool = False,
        is_encrypted: bool = False,
    ) -> None:
        secret = {"BENCHMARK_SECRET_KEY": secrets.token_urlsafe(50)} if is_encrypted else {}
        super().__init__({"zmqlayer[interface]": "twisted"}, {"BENCHMARK_MIDDLEWARE": middleware, **secret})
        self._worker = worker
        self._flags = flags
        self._n_servers = servers
        self._is_tls = is_tls

    def _start(self, stack: ExitStack) -> None:
        cluster = f"benchmark-{secrets.token_hex(4)}"
        flags = [*self._flags, *self._tls_flags(stack)]
        self.ports = [free_port() for _ in range(self._n_servers)]
        mesh = ("--cluster", cluster, "--verbosity", "0")
        servers = [self._run(stack, [*PROGRAM, "interface", "--port", str(port), *mesh, *flags]) for port in self.ports]
        worker = self._run(stack, self._worker(cluster))
        self.servers, self.workers = [*servers], [worker]
        for port, server in zip(self.ports, servers, strict=True):
            _wait_until_ready(port, server, is_tls=self._is_tls)

    def _tls_flags(self, stack: ExitStack) -> list[str]:
        if not self._is_tls:
            return []
        certificate = Path(stack.enter_context(TemporaryDirectory())) / "localhost.pem"
        write_certificate(certificate)
        return ["--tls-cert", str(certificate)]


class Alone(Site):
    """
    Servers that run the application themselves.

    Args:
        command: Of each server, by its port.
        servers: How many.
    """

    def __init__(
        self, command: Command, packages: Mapping[str, str], environment: Mapping[str, str], servers: int = 1
    ) -> None:
        super().__init__(packages, environment)
        self._command = command
        self._n_servers = servers

    def _start(self, stack: ExitStack) -> None:
        self.ports = [free_port() for _ in range(self._n_servers)]
        processes = [self._run(stack, self._command(str(port))) for port in self.ports]
        for port, process in zip(self.ports, processes, strict=True):
            answer = _wait_until_ready(port, process)
            # Who forks, as gunicorn does, answers in a child, and that is whom the work costs.
            self.servers.append(Observed(int(answer)) if answer else process)


def _wait_until_ready(port: int, process: Process, *, is_tls: bool = False) -> bytes:
    answers: list[bytes] = []

    def is_ready() -> bool:
        with suppress(OSError, http.client.HTTPException):
            status, content = _ask(port, is_tls)
            answers.extend([content] if status == 200 else [])
        return bool(answers)

    wait_until(is_ready, START_WITHIN_S, f"an answer at port {port}", process)
    return answers[0]


def _ask(port: int, is_tls: bool) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_WITHIN_S)
    if is_tls:
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=ANSWER_WITHIN_S, context=context)
    try:
        connection.request("GET", "/ready")
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
