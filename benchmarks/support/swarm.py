"""Processes with idle nodes: when these found each other, and what they cost."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from support.processes import SUPPORT

__all__ = ["Nodes", "start_all"]

STOP_WITHIN_S: Final = 20.0
CPU_CLOCK: Final = 2
"""In the number of a clock: the processor time of all threads of a process."""

Settings = Mapping[str, Any]


class Nodes:
    """
    One process with a node for each of *settings*, ended on exit of the ``with``.

    Attributes:
        begun_at, imported_at, started_at: When the process began, had imported zmqlayer, had started all nodes;
            monotonic seconds. The last two only after :meth:`wait_until_started`.
    """

    def __init__(self, settings: Sequence[Settings]) -> None:
        self._settings = settings
        self.begun_at = self.imported_at = self.started_at = 0.0

    def __enter__(self) -> Self:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ZMQLAYER_")}
        command = [sys.executable, "-P", str(SUPPORT / "some_nodes.py"), json.dumps(list(self._settings))]
        self.begun_at = time.monotonic()
        self._popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=kept)
        return self

    def __exit__(self, *exc: object) -> None:
        self.end_input()
        try:
            self._popen.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        assert self._popen.stdout is not None  # a pipe was asked for
        self._popen.stdout.close()

    @property
    def cpu_s(self) -> float:
        """Processor time that it used so far, of all threads, to a microsecond."""
        return time.clock_gettime((~self._popen.pid) << 3 | CPU_CLOCK)

    @property
    def resident(self) -> int:
        """Bytes of memory that it has now."""
        pages = Path(f"/proc/{self._popen.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def wait_until_started(self) -> None:
        """
        Wait until all nodes are started.

        Raises:
            RuntimeError: The process ended; what it wrote stands on stderr.
        """
        self.imported_at, self.started_at = self._read()

    def ask_to_meet(self, peers: int) -> None:
        """Let it wait until each node has so many ready peers; :meth:`met_at` has the answer."""
        assert self._popen.stdin is not None  # a pipe was asked for
        self._popen.stdin.write(f"{peers}\n")
        self._popen.stdin.flush()

    def met_at(self) -> float:
        """
        Wait until the last node has found them, and return when; monotonic seconds.

        Raises:
            RuntimeError: It has not within 100 s, and what the process says about it stands on stderr.
        """
        (met_at,) = self._read()
        return met_at

    def end_input(self) -> None:
        """Let it end, without waiting for that."""
        assert self._popen.stdin is not None  # a pipe was asked for
        if not self._popen.stdin.closed:
            self._popen.stdin.close()

    def _read(self) -> list[float]:
        assert self._popen.stdout is not None  # a pipe was asked for
        line = self._popen.stdout.readline()
        if not line:
            raise RuntimeError("a process with nodes ended before it was told to")
        times: list[float] = json.loads(line)
        return times


def start_all(processes: Sequence[Nodes]) -> None:
    """Wait until all nodes of all processes are started."""
    for process in processes:
        process.wait_until_started()
