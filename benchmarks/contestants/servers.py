"""The servers that are compared, each with what answers for it, as their users start them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from contestants.sites import PROGRAM, Alone, Command, Site
from support.processes import SUPPORT

__all__ = [
    "ASGI",
    "BARE",
    "CHANNELS",
    "daphne",
    "gunicorn",
    "host_application",
    "run_consumer",
    "run_worker",
    "uvicorn",
]

BARE: Final = "support.asgi_app:application"
"""An ASGI application without Django."""
ASGI: Final = "support.project.asgi:application"
"""Django's views."""
CHANNELS: Final = "support.project.channels_asgi:application"
"""The same, and consumers of Channels."""
WSGI: Final = "support.project.wsgi:application"


def run_worker(threads: int | None = None, prefetch: int | None = None, *flags: str) -> Command:
    """Return ``manage.py runworker`` for the project; None is what it does if nothing is said."""
    given = {"--threads": threads, "--prefetch": prefetch}
    said = [part for flag, value in given.items() if value is not None for part in (flag, str(value))]
    command = [sys.executable, "-m", "django", "runworker", "--verbosity", "0", *said, *flags]
    return lambda cluster: [*command, "--cluster", cluster]


def host_application(application: str = BARE, loop: str = "auto") -> Command:
    """Return ``zmqlayer worker`` for an ASGI application, on an event loop: ``auto``, ``asyncio`` or ``uvloop``."""
    command = [*PROGRAM, "worker", application, "--loop", loop, "--log-level", "warning"]
    return lambda cluster: [*command, "--cluster", cluster]


def run_consumer(prefetch: int = 0) -> Command:
    """Return a worker with one thread, a loop, and no Django."""
    return lambda cluster: [sys.executable, str(SUPPORT / "bare_worker.py"), cluster, str(prefetch)]


def uvicorn(application: str, *flags: str, middleware: str = "", layer: str = "", servers: int = 1) -> Site:
    """Return uvicorn with httptools, uvloop and the newer of its two ways with ``websockets``."""
    options = ["--http", "httptools", "--ws", "websockets-sansio", "--no-access-log", "--log-level", "warning", *flags]
    packages = {"uvicorn": "uvicorn", "uvloop": "uvloop", "httptools": "httptools", "websockets": "websockets"}
    command = [sys.executable, "-m", "uvicorn", application, *options]
    return Alone(
        lambda port: [*command, "--port", port], _packages(packages, application), _environ(middleware, layer), servers
    )


def daphne(application: str, *flags: str, middleware: str = "", layer: str = "", servers: int = 1) -> Site:
    """Return Daphne 4."""
    command = [sys.executable, "-m", "daphne", "--bind", "127.0.0.1", "--verbosity", "0", *flags]
    return Alone(
        lambda port: [*command, "--port", port, application],
        _packages({"daphne": "daphne"}, application),
        _environ(middleware, layer),
        servers,
    )


def gunicorn(*flags: str, middleware: str = "") -> Site:
    """Return gunicorn with one worker process; what kind of, say the flags."""
    command = [sys.executable, "-m", "gunicorn", WSGI, "--workers", "1", "--log-level", "warning", *flags]
    packages = {"gunicorn": "gunicorn"}
    return Alone(lambda port: [*command, "--bind", f"127.0.0.1:{port}"], packages, _environ(middleware, ""))


def _packages(packages: Mapping[str, str], application: str) -> dict[str, str]:
    return {**packages, **({"channels": "channels"} if application == CHANNELS else {})}


def _environ(middleware: str, layer: str) -> dict[str, str]:
    return {"BENCHMARK_MIDDLEWARE": middleware, **({"BENCHMARK_LAYER": layer} if layer else {})}
