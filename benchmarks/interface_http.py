"""
How fast the interface server answers HTTP, next to Daphne with an application in its own process.

A request to us passes two processes more than once, Daphne's none: it is not to be as fast, but near enough for
nobody to notice behind a view. The worker is a bare consumer with one thread.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack

import click

from support.report import Figure, describe_machine, render, to_dicts
from support.servers import Daphne, Mesh, Server, has_daphne
from support.wrk import Burst, has_wrk, load, load_http2

RATIO = 0.6
PREFETCH = 16
WARM_UP_S = 2


class Rounds:
    """
    What one server did, round by round.

    Attributes:
        per_second: Requests over connections that are kept.
        p50: Median latency, µs.
        p99: 99th percentile, µs.
        failed: Requests without a proper answer.
        server_us: Processor time of the server for each request.
        worker_us: The same of its worker; empty if it has none.
        connects: Requests with a connection of their own, per second.
    """

    def __init__(self, server: Server, seconds: int) -> None:
        self.per_second: list[float] = []
        self.p50: list[float] = []
        self.p99: list[float] = []
        self.failed: list[float] = []
        self.server_us: list[float] = []
        self.worker_us: list[float] = []
        self.connects: list[float] = []
        self._server = server
        self._seconds = seconds
        load(server.port, WARM_UP_S)

    def measure_requests(self) -> None:
        """Add a round of requests."""
        costs = [process.cpu_s for process in (self._server.server, *self._server.workers)]
        burst = load(self._server.port, self._seconds)
        for before, process, costs_us in zip(
            costs, (self._server.server, *self._server.workers), (self.server_us, self.worker_us), strict=False
        ):
            costs_us.append((process.cpu_s - before) / burst.requests * 1e6)
        self._note(burst, self.per_second)
        self.p50.append(burst.p50_us)
        self.p99.append(burst.p99_us)

    def measure_connects(self) -> None:
        """Add a round of requests with a connection each."""
        self._note(load(self._server.port, self._seconds, keeps_alive=False), self.connects)

    def _note(self, burst: Burst, into: list[float]) -> None:
        into.append(burst.per_second)
        self.failed.append(burst.failed)


def measure(rounds: int, seconds: int) -> list[Figure]:
    """Measure all in turns: the mesh, the mesh with a worker that prefetches nothing, and Daphne if it is here."""
    with ExitStack() as stack:
        mesh = Rounds(stack.enter_context(Mesh(PREFETCH)), seconds)
        lockstep = Rounds(stack.enter_context(Mesh(0)), seconds)
        daphne = Rounds(stack.enter_context(Daphne()), seconds) if has_daphne() else None
        contestants = [contestant for contestant in (mesh, lockstep, daphne) if contestant is not None]
        for _ in range(rounds):
            for contestant in contestants:
                contestant.measure_requests()
            for contestant in contestants:
                contestant.measure_connects()
    return _figures(mesh, lockstep, daphne)


def measure_http2(rounds: int, seconds: int) -> list[Figure]:
    """Measure HTTP/2 over TLS: our server alone, since Daphne needs for it what nobody maintains any more."""
    bursts, server_us = [], []
    with Mesh(PREFETCH, is_tls=True) as mesh:
        load_http2(mesh.port, WARM_UP_S)
        for _ in range(rounds):
            cpu_s = mesh.server.cpu_s
            bursts.append(load_http2(mesh.port, seconds))
            server_us.append((mesh.server.cpu_s - cpu_s) / bursts[-1].requests * 1e6)
    return [
        Figure("HTTP/2, one connection", "1/s", [burst.per_second for burst in bursts]),
        Figure("HTTP/2, latency, median", "µs", [burst.p50_us for burst in bursts]),
        Figure("HTTP/2, processor, server", "µs", server_us),
        Figure("HTTP/2, failed", "requests", [burst.failed for burst in bursts], limit=0),
    ]


def _figures(mesh: Rounds, lockstep: Rounds, daphne: Rounds | None) -> list[Figure]:
    def beside(name: str) -> list[float]:
        return [] if daphne is None else getattr(daphne, name)

    return [
        Figure("requests", "1/s", mesh.per_second, beside("per_second"), RATIO, is_ratio=True, is_least=True),
        Figure("requests, prefetch 0", "1/s", lockstep.per_second, beside("per_second")),
        Figure("a connection each", "1/s", mesh.connects, beside("connects")),
        Figure("latency, median", "µs", mesh.p50, beside("p50")),
        Figure("latency, 99th percentile", "µs", mesh.p99, beside("p99")),
        Figure("latency, median, prefetch 0", "µs", lockstep.p50, beside("p50")),
        Figure("processor, server, each request", "µs", mesh.server_us, beside("server_us")),
        Figure("processor, worker, each request", "µs", mesh.worker_us),
        Figure("failed", "requests", mesh.failed + lockstep.failed, limit=0),
    ]


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--rounds", type=click.IntRange(2, 100), default=3, help="Rounds, of which the median counts.")
@click.option("--seconds", type=click.IntRange(1, 60), default=3, help="Of each load.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(rounds: int, seconds: int, as_json: bool) -> None:
    """Measure HTTP over 32 connections on loopback; takes about 90 seconds."""
    if not has_wrk():
        click.echo("wrk is not installed: no load, nothing measured")
        sys.exit()
    missing = "" if has_daphne() else "; Daphne is not installed: nothing to compare with"
    figures = measure(rounds, seconds) + measure_http2(rounds, seconds)
    machine = describe_machine(("twisted", "pyzmq", *(["daphne"] if has_daphne() else [])))
    if as_json:
        click.echo(json.dumps({"machine": machine, "figures": to_dicts(figures)}, indent=2))
    else:
        click.echo(f"{machine}\nmedians of {rounds} rounds of {seconds} s, one worker, prefetch {PREFETCH}{missing}\n")
        click.echo(render(figures, "Daphne"))


if __name__ == "__main__":
    main()
