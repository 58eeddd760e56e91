"""A cluster of real processes: interface servers, workers, and the lines they print."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

from support.clients import get
from support.namespaces import Host
from support.usage import Usage

__all__ = [
    "MANAGE",
    "START_WITHIN_S",
    "BareWorkerProcess",
    "Cluster",
    "Member",
    "Server",
    "WorkerProcess",
    "clean_environ",
]

MANAGE = Path(__file__).parent / "journey_project" / "manage.py"
BARE = Path(__file__).parent / "bare_worker.py"

START_WITHIN_S = 20.0
HTTP_TIMEOUT_S = 3.0
THREADS = 4
READ_AHEAD = 16
"""What a worker reads ahead by itself."""


def clean_environ() -> dict[str, str]:
    """Return the environment without what would change a child's settings or Python, and with unbuffered output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZMQLAYER_", "PYTHON"))}
    return {**kept, "PYTHONUNBUFFERED": "1"}


class Member:
    """
    One process of a cluster. Its output is read all the time, so that it never waits to write.

    Args:
        command: What to give to Python.
        on: The machine it runs on, if not on this one.
        environ: Its whole environment.
        folder: Where it starts.
        descriptors: What it inherits beside its output, under the same numbers.
    """

    def __init__(
        self,
        *command: str,
        on: Host | None = None,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
        descriptors: Sequence[int] = (),
    ) -> None:
        self.process = subprocess.Popen(
            [*(on.command if on else ()), sys.executable, *command],
            cwd=folder,
            env=clean_environ() if environ is None else dict(environ),
            process_group=0,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._is_read = False
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    @property
    def usage(self) -> Usage:
        """What it holds."""
        return Usage(self.pid)

    @property
    def output(self) -> str:
        """All it wrote so far."""
        return "".join(self._lines)

    def wait_for_line(self, pattern: str, within_s: float = START_WITHIN_S) -> re.Match[str]:
        """Return the first match in what it wrote; fail if there is none in time, or it ended."""

        def find() -> re.Match[str] | None:
            return re.search(pattern, self.output, re.MULTILINE)

        with self._changed:
            self._changed.wait_for(lambda: find() or self._is_read, within_s)
        match = find()
        if match is None:
            raise AssertionError(f"no {pattern!r} within {within_s:g} s in:\n{self.output}")
        return match

    def end(self, number: signal.Signals = signal.SIGTERM, within_s: float = 3.0) -> int:
        """Send a signal, wait for the end, and return the exit status; fail if it takes longer."""
        self.process.send_signal(number)
        status = self.process.wait(within_s)
        self._reading.join(within_s)
        return status

    def kill(self) -> None:
        """End it and its children at once, as if the power failed; nothing happens if it has ended."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()

    def pause(self) -> None:
        """Stop it as it stands: its sockets stay open and nobody answers."""
        self.process.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        """Leave nothing of it behind."""
        self.kill()
        self._reading.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._is_read = True
            self._changed.notify_all()


class Server(Member):
    """An interface server on a free port of loopback, with *options* of its command."""

    def __init__(self, cluster: str, *options: str) -> None:
        super().__init__("-Im", "zmqlayer.interface", "--port", "0", "--cluster", cluster, *options)

    @property
    def port(self) -> int:
        """Where it listens; waits until it does."""
        return int(self.wait_for_line(r"Listening on https?://127\.0\.0\.1:(\d+),")[1])


class WorkerProcess(Member):
    """A worker of the project ``journey`` with ``THREADS`` threads."""

    def __init__(self, cluster: str) -> None:
        super().__init__(str(MANAGE), "runworker", "--cluster", cluster, "--threads", str(THREADS))

    def wait_until_reading(self) -> None:
        """Return when its threads have started."""
        self.wait_for_line(r"^worker (\w+ )?reads")


class BareWorkerProcess(WorkerProcess):
    """A worker without Django, which consumes ``THREADS`` messages at once."""

    def __init__(self, cluster: str) -> None:
        Member.__init__(self, str(BARE), cluster, str(THREADS))


MemberKind = TypeVar("MemberKind", bound=Member)


class Cluster:
    """
    Servers and workers that find each other by zeroconf: a number at the start, and more of both at need.

    Args:
        options: Of each server's command.
        worker: What kind of workers.
    """

    def __init__(
        self,
        n_servers: int = 2,
        n_workers: int = 2,
        options: Sequence[str] = ("--http-timeout", str(HTTP_TIMEOUT_S)),
        worker: type[WorkerProcess] = WorkerProcess,
    ) -> None:
        self.name = f"journey-{secrets.token_hex(4)}"
        self._n_servers = n_servers
        self._n_workers = n_workers
        self._options = options
        self._worker = worker
        self._members: list[Member] = []
        self.servers: list[Server] = []
        self.workers: list[WorkerProcess] = []

    def __enter__(self) -> Self:
        try:
            self.servers = [self.start_server() for _ in range(self._n_servers)]
            self.workers = [self.start_worker() for _ in range(self._n_workers)]
            for server in self.servers:
                self.wait_until_linked(server, *self.workers)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for member in self._members:
            member.kill()
        for member in self._members:
            member.close()

    def start_server(self) -> Server:
        """Start one more server."""
        return self._start(lambda name: Server(name, *self._options))

    def start_worker(self) -> WorkerProcess:
        """Start one more worker."""
        return self._start(self._worker)

    def wait_until_linked(self, server: Server, *workers: WorkerProcess, within_s: float = START_WITHIN_S) -> None:
        """Send requests to *server* until each of *workers* has answered one; fail if that takes longer."""
        missing = {worker.pid for worker in workers}
        for worker in workers:
            worker.wait_until_reading()
        deadline = time.monotonic() + within_s
        while missing:
            if time.monotonic() > deadline:
                raise AssertionError(f"{missing} answered nothing that {server.pid} asked within {within_s:g} s")
            missing.discard(get(server.port, "/hello/").worker)

    def _start(self, kind: Callable[[str], MemberKind]) -> MemberKind:
        member = kind(self.name)
        self._members.append(member)
        return member
