"""Processes that a benchmark starts, what they cost by the kernel's count, and their end."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final, Self

__all__ = [
    "SUPPORT",
    "Observed",
    "Process",
    "end_in_order",
    "free_port",
    "raise_file_limit",
    "run_python",
    "wait_until",
]

SUPPORT: Final = Path(__file__).parent
STOP_WITHIN_S: Final = 10.0
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


class Observed:
    """
    A process, and what it costs by the kernel's count.

    Args:
        pid: Of a process of this machine.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._pid

    @property
    def cpu_s(self) -> float:
        """Processor time that it used so far, of all threads, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    @property
    def resident(self) -> int:
        """Bytes of memory that it has now."""
        return self._status("VmRSS")

    @property
    def peak(self) -> int:
        """The most bytes of memory that it had since :meth:`reset_peak`."""
        return self._status("VmHWM")

    def reset_peak(self) -> None:
        """Count the peak anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _status(self, key: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"the kernel does not tell the {key} of process {self.pid}")


class Process(Observed):
    """
    One process, ended on exit of the ``with``.

    Args:
        argv: A command; its output goes to a file that :meth:`output` reads.
        environment: What it finds there beside what this process does.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._argv = argv
        self._environment = environment or {}

    def __enter__(self) -> Self:
        self._log: IO[bytes] = tempfile.TemporaryFile()
        environment = {**_environment(), **self._environment}
        self._popen = subprocess.Popen(
            self._argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT, env=environment
        )
        super().__init__(self._popen.pid)
        return self

    def __exit__(self, *exc: object) -> None:
        self._popen.terminate()
        try:
            self._popen.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._log.close()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def output(self) -> str:
        """Return what it has written so far."""
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")


def end_in_order() -> None:
    """Have SIGTERM end this process as Ctrl-C does, so that what it started ends too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def run_python(script: str, *arguments: object) -> Process:
    """Return a process that runs one of the scripts beside this file."""
    return Process([sys.executable, str(SUPPORT / script), *map(str, arguments)])


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(condition: Callable[[], bool], within_s: float, what: str, process: Process | None = None) -> None:
    """
    Look until *condition* holds.

    Raises:
        RuntimeError: It did not in time, or *process* ended; with what that wrote.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline or (process is not None and not process.is_running):
            raise RuntimeError(f"{what} did not happen\n{process.output()[-2000:] if process else ''}".rstrip())
        time.sleep(0.02)


def raise_file_limit(wanted: int) -> int:
    """Let this process, and those it starts, open up to *wanted* files; return how many it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZMQLAYER_")}
    return {**kept, "PYTHONPATH": str(SUPPORT.parent), "PYTHONUNBUFFERED": "1"}
