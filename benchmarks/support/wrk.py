"""HTTP load: HTTP/1.1 by ``wrk``, which no server here can outrun, HTTP/2 by a client of our own, which they can."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

from support.processes import SUPPORT
from support.scenario import Missing

__all__ = ["Burst", "has_wrk", "load", "load_http2", "require_wrk"]

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


def require_wrk() -> None:
    """
    Look whether it is installed.

    Raises:
        Missing: It is not.
    """
    if not has_wrk():
        raise Missing("wrk is not installed: apt-get install wrk")


def load(port: int, seconds: int, path: str = "/", *, keeps_alive: bool = True, upload: int = 0) -> Burst:
    """
    Ask for *path* as often as the server answers, over 32 connections.

    Args:
        seconds: At least 1.
        keeps_alive: Otherwise each request has a connection of its own.
        upload: Bytes that each request sends, if not 0.
    """
    script = str(SUPPORT / "wrk.lua")
    header = ("-H", "Connection: close") if not keeps_alive else ()
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "-s",
        script,
        *header,
        f"http://127.0.0.1:{port}{path}",
    ]
    return _run([*command, "--", str(upload)], seconds)


def load_http2(port: int, seconds: int) -> Burst:
    """Ask for ``/`` on 32 streams at a time of one TLS connection."""
    return _run([sys.executable, str(SUPPORT / "http2_load.py"), str(port), str(seconds)], seconds)


def _run(command: list[str], seconds: int) -> Burst:
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    return Burst(**json.loads(output.strip().splitlines()[-1]))
