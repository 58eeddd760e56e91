"""
What an ASGI application costs behind the mesh: processor time of its worker for each request and each message.

A bare consumer of the 2016 draft, with a thread and no event loop, is measured beside it: the difference is what ASGI
costs. The server in front is the same, and the application too.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack

import click

from support.processes import Process
from support.report import Figure, describe_machine, render, to_dicts
from support.servers import AsgiMesh, Mesh
from support.sockets import close_all, echo, open_many
from support.wrk import has_wrk, load

MOST_US = 400
PREFETCH = 16
TALKING = 50
MESSAGE_BYTES = 64
WARM_UP_S = 2
LOOPS = ("asyncio", "uvloop")


class Rounds:
    """
    What one worker did, round by round.

    Attributes:
        request_us: Processor time of the worker for each request.
        message_us: The same for each message of a WebSocket that is echoed.
        per_second: Requests over 32 connections.
        echoes: Messages there and back over 50 WebSockets, in a second.
        failed: Requests without a proper answer.
        grown: Bytes of memory that the worker took from the first round to the last.
    """

    def __init__(self, mesh: Mesh) -> None:
        self.request_us: list[float] = []
        self.message_us: list[float] = []
        self.per_second: list[float] = []
        self.echoes: list[float] = []
        self.failed: list[float] = []
        self._mesh = mesh
        load(mesh.port, WARM_UP_S)
        self._resident = self._worker.resident

    @property
    def grown(self) -> float:
        return (self._worker.resident - self._resident) / 1024

    @property
    def _worker(self) -> Process:
        return self._mesh.workers[0]

    def measure_requests(self, seconds: int) -> None:
        """Add a round of requests."""
        before = self._worker.cpu_s
        burst = load(self._mesh.port, seconds)
        self.request_us.append((self._worker.cpu_s - before) / burst.requests * 1e6)
        self.per_second.append(burst.per_second)
        self.failed.append(burst.failed)

    async def measure_echoes(self, seconds: int) -> None:
        """Add a round of echoes."""
        sockets = await open_many(self._mesh.port, TALKING)
        await echo(sockets, 1, MESSAGE_BYTES)
        before = self._worker.cpu_s
        echoes = await echo(sockets, seconds, MESSAGE_BYTES)
        self.message_us.append((self._worker.cpu_s - before) / len(echoes.took_us) * 1e6)
        self.echoes.append(echoes.per_second)
        await close_all(sockets)


def measure(rounds: int, seconds: int) -> list[Figure]:
    """Measure workers on both event loops, and the bare one, in turns."""
    with ExitStack() as stack:
        bare = Rounds(stack.enter_context(Mesh(PREFETCH)))
        on = {loop: Rounds(stack.enter_context(AsgiMesh(loop))) for loop in LOOPS}
        for _ in range(rounds):
            for contestant in (bare, *on.values()):
                contestant.measure_requests(seconds)
            for contestant in (bare, *on.values()):
                asyncio.run(contestant.measure_echoes(seconds))
        return [figure for loop, asgi in on.items() for figure in _figures(loop, asgi, bare)]


def _figures(loop: str, asgi: Rounds, bare: Rounds) -> list[Figure]:
    return [
        Figure(f"{loop}: processor, each request", "µs", asgi.request_us, bare.request_us, limit=MOST_US),
        Figure(f"{loop}: processor, each echo", "µs", asgi.message_us, bare.message_us),
        Figure(f"{loop}: requests", "1/s", asgi.per_second, bare.per_second),
        Figure(f"{loop}: echoes", "1/s", asgi.echoes, bare.echoes),
        Figure(f"{loop}: memory grown", "KB", [asgi.grown]),
        Figure(f"{loop}: failed", "requests", asgi.failed, limit=0),
    ]


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--rounds", type=click.IntRange(1, 100), default=3, help="Rounds, of which the median counts.")
@click.option("--seconds", type=click.IntRange(1, 60), default=3, help="Of requests, and of echoes, in each round.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(rounds: int, seconds: int, as_json: bool) -> None:
    """Measure ASGI applications on loopback; takes about 90 seconds and needs wrk."""
    if not has_wrk():
        click.echo("wrk is not installed: nothing is measured")
        return
    figures = measure(rounds, seconds)
    machine = describe_machine(("pyzmq", "uvloop"))
    if as_json:
        click.echo(json.dumps({"machine": machine, "figures": to_dicts(figures)}, indent=2))
    else:
        click.echo(f"{machine}\nmedians of {rounds} rounds, a hello of 13 bytes, {MESSAGE_BYTES}-byte messages\n")
        click.echo(render(figures, "bare"))


if __name__ == "__main__":
    main()
