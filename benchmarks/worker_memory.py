"""Whether a worker and its interface server grow: 100,000 requests of each kind, and 10,000 WebSocket sessions."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import click

from support.processes import Process, end_in_order, free_port, wait_until
from support.report import Figure, describe_machine, render, to_dicts
from support.visits import answers, ask_often, hold_sessions

FOLDER: Final = Path(__file__).parent
START_WITHIN_S: Final = 20.0
SETTLE_S: Final = 2.0
LIMIT_KB: Final = 2_000
KB: Final = 1024

SETTINGS: Final = ("--settings", "support.site_settings")
DJANGO: Final = ("-m", "django", "runworker", *SETTINGS, "--cluster")
PROGRAM: Final = str(Path(sys.executable).with_name("zmqlayer"))
ASGI: Final = (PROGRAM, "worker", "support.asgi_app:application", *SETTINGS, "--app-dir", str(FOLDER), "--cluster")
REQUESTS: Final = {
    "view": (DJANGO, "/"),
    "async view": (DJANGO, "/async"),
    "ASGI": (ASGI, "/"),
}
SESSIONS: Final = {
    "sessions, functions": (DJANGO, "/function"),
    "sessions, classes": (DJANGO, "/class"),
    "sessions, ASGI": (ASGI, "/"),
}


class Site:
    """An interface server and one worker that runs *command*, with the name of a cluster at its end."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command

    def __enter__(self) -> Self:
        self.port = free_port()
        cluster = f"benchmark-{secrets.token_hex(4)}"
        listen = ("--port", str(self.port), "--cluster", cluster, "--verbosity", "0", *SETTINGS)
        self.server = Process([sys.executable, "-m", "zmqlayer.interface", *listen])
        self.worker = Process([sys.executable, *self._command, cluster])
        with ExitStack() as stack:
            for process in (self.server, self.worker):
                stack.enter_context(process)
            wait_until(lambda: answers(self.port), START_WITHIN_S, "an answer", self.worker)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()


@dataclass(frozen=True, slots=True)
class Growth:
    """
    What one kind of load left behind.

    Attributes:
        server: Kilobytes that the server has more than after its warm-up.
        worker: The same of the worker.
        per_second: Requests, or sessions.
    """

    server: float
    worker: float
    per_second: float


def measure_growth(command: tuple[str, ...], load: Callable[[int, str, int], None], path: str, number: int) -> Growth:
    """Put *number* of one kind upon a server and a worker that are started for it, after as many to warm up."""
    with Site(command) as site:
        # What was closed within a minute is remembered, up to a limit that these reach.
        load(site.port, path, number)
        before = _resident(site)
        begun = time.perf_counter()
        load(site.port, path, number)
        seconds = time.perf_counter() - begun
        after = _resident(site)
    return Growth(after[0] - before[0], after[1] - before[1], number / seconds)


def _resident(site: Site) -> tuple[float, float]:
    # What was closed last is forgotten a little later.
    time.sleep(SETTLE_S)
    return site.server.resident / KB, site.worker.resident / KB


def measure(requests: int, sessions: int) -> list[Figure]:
    """Measure each kind of load."""
    loads = [(name, *kind, ask_often, requests) for name, kind in REQUESTS.items()]
    loads += [(name, *kind, hold_sessions, sessions) for name, kind in SESSIONS.items()]
    figures = []
    for name, command, path, load, number in loads:
        growth = measure_growth(command, load, path, number)
        figures += [
            Figure(f"{name}: worker grew by", "KB", [growth.worker], limit=LIMIT_KB),
            Figure(f"{name}: server grew by", "KB", [growth.server], limit=LIMIT_KB),
            Figure(f"{name}: rate", "1/s", [growth.per_second]),
        ]
    return figures


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--requests", type=click.IntRange(1, 10_000_000), default=100_000, help="Of each kind.")
@click.option("--sessions", type=click.IntRange(1, 1_000_000), default=10_000, help="WebSockets of each kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(requests: int, sessions: int, as_json: bool) -> None:
    """Measure the growth of memory on loopback; takes about 15 minutes."""
    figures = measure(requests, sessions)
    machine = describe_machine(("django", "twisted", "pyzmq"))
    if as_json:
        click.echo(json.dumps({"machine": machine, "figures": to_dicts(figures)}, indent=2))
    else:
        click.echo(f"{machine}\n{requests:,} requests and {sessions:,} sessions of each kind\n")
        click.echo(render(figures, "-"))


if __name__ == "__main__":
    end_in_order()
    main()
