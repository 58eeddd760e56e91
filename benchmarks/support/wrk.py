"""HTTP load by ``wrk``, which no server here can outrun."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import Final

from support.processes import SUPPORT

__all__ = ["Burst", "has_wrk", "load"]

CONNECTIONS: Final = 32


@dataclass(frozen=True, slots=True)
class Burst:
    """
    What one run gave.

    Attributes:
        p50_us: Median latency.
        p99_us: 99th percentile.
        failed: Responses that were no 2xx or 3xx, and connections that broke.
    """

    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    failed: int

    @property
    def per_second(self) -> float:
        """Requests in a second."""
        return self.requests / self.seconds


def has_wrk() -> bool:
    """Whether it is installed."""
    return shutil.which("wrk") is not None


def load(port: int, seconds: int, *, keeps_alive: bool = True) -> Burst:
    """
    Ask for ``/`` as often as the server answers, over 32 connections.

    Args:
        keeps_alive: Otherwise each request has a connection of its own.
    """
    script = str(SUPPORT / "wrk.lua")
    header = ("-H", "Connection: close") if not keeps_alive else ()
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script, *header, f"http://127.0.0.1:{port}/"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    return Burst(**json.loads(output.strip().splitlines()[-1]))
