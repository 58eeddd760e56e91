"""The brokers that other channel layers need, each started as a process of its own that keeps nothing."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from support.processes import Process, free_port, wait_until
from support.scenario import Missing

__all__ = ["nats_server", "redis_server", "require_package"]

START_WITHIN_S: Final = 10.0
STARTS: Final = 3
SYSTEM_FOLDERS: Final = ("/usr/sbin", "/usr/local/sbin")
"""Where Debian keeps servers, which are not always on the path."""


@contextmanager
def redis_server() -> Iterator[int]:
    """
    Start Redis on loopback, without persistence and without limits to what a slow reader may have before it.

    Returns:
        Its port.

    Raises:
        Missing: There is no ``redis-server``.
    """
    program = _find("redis-server")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        unlimited = ["--client-output-buffer-limit", "pubsub 0 0 0"]
        yield from _start([program, *options, *unlimited, "--port"])


@contextmanager
def nats_server() -> Iterator[int]:
    """
    Start NATS on loopback.

    Returns:
        Its port.

    Raises:
        Missing: There is no ``nats-server``.
    """
    yield from _start([_find("nats-server"), "--addr", "127.0.0.1", "--port"])


def require_package(module: str, distribution: str) -> None:
    """
    Look whether *module* can be imported, without doing so.

    Raises:
        Missing: It cannot; *distribution* is what has to be installed.
    """
    if find_spec(module) is None:
        raise Missing(f"{distribution} is not installed: pip install {distribution}")


def _find(program: str) -> str:
    for folder in (None, *SYSTEM_FOLDERS):
        found = shutil.which(program, path=folder)
        if found is not None:
            return found
    raise Missing(f"{program} is not installed: apt-get install {program}")


def _start(argv: Sequence[str]) -> Iterator[int]:
    """Run *argv* with a port at its end, and with another one if somebody was faster to take that."""
    for attempt in range(1, STARTS + 1):
        port = free_port()
        with Process([*argv, str(port)]) as server:
            try:
                wait_until(partial(_answers, port), START_WITHIN_S, f"a start of {Path(argv[0]).name}", server)
            except RuntimeError:
                if attempt == STARTS or server.is_running:
                    raise
                continue
            yield port
            return


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False
