"""
What a request costs a worker: processor time of the whole process, its node and all its threads, for each view.

The first line has no views: it is what the mesh and the worker around a consumer cost. This process feeds the worker
through the mesh as an interface server would, sixteen requests at a time, encrypted; no HTTP is spoken. Without
prefetch both sleep before each message, which is most of what they cost then. The last lines load one server and one
worker with ``wrk``, so that neither sleeps.
"""

from __future__ import annotations

import json
from contextlib import ExitStack

import click

from contestants.servers import run_worker
from contestants.sites import Command, Mesh
from support.feeder import Feeder
from support.processes import end_in_order
from support.report import Figure, describe_machine, render, to_dicts
from support.wrk import has_wrk, load

LIMIT_US = 150
WARM_UP = 500
LOAD_S = 3


def measure(rounds: int, requests: int) -> list[Figure]:
    """Measure every view in turns."""
    with ExitStack() as stack:
        bare, seven, eager = map(stack.enter_context, (Feeder("bare"), Feeder("seven"), Feeder("bare", prefetch=0)))
        views = [
            ("a consumer of http.request, no Django", bare, "/consumer/", None),
            ("a function, no middleware", bare, "/hello/", LIMIT_US),
            ("a function, no middleware, prefetch 0", eager, "/hello/", LIMIT_US),
            ("a function, startproject's seven middleware", seven, "/hello/", None),
            ("a coroutine, no middleware", bare, "/async/", None),
            ("a coroutine, startproject's seven middleware", seven, "/async/", None),
        ]
        for _, feeder, path, _ in views:
            feeder.cost_us(path, WARM_UP)
        costs: list[list[float]] = [[] for _ in views]
        for _ in range(rounds):
            for measured, (_, feeder, path, _) in zip(costs, views, strict=True):
                measured.append(feeder.cost_us(path, requests))
    figures = [
        Figure(name, "µs", measured, limit=limit) for measured, (name, _, _, limit) in zip(costs, views, strict=True)
    ]
    loaded = [
        ("as runworker does by default", run_worker()),
        ("one thread", run_worker(threads=1)),
        ("one thread, prefetch 0", run_worker(threads=1, prefetch=0)),
    ]
    return [*figures, *(measure_loaded(*each, rounds) for each in loaded if has_wrk())]


def measure_loaded(how: str, worker: Command, rounds: int) -> Figure:
    """Measure a function without middleware under as much load as there may be."""
    with Mesh(worker) as mesh:
        load(mesh.port, LOAD_S)
        costs = []
        for _ in range(rounds):
            before = mesh.workers[0].cpu_s
            burst = load(mesh.port, LOAD_S)
            costs.append((mesh.workers[0].cpu_s - before) / burst.requests * 1e6)
    return Figure(f"a function, no middleware, under load, {how}", "µs", costs, limit=LIMIT_US)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--rounds", type=click.IntRange(1, 100), default=3, help="Rounds, of which the median counts.")
@click.option("--requests", type=click.IntRange(500, 1_000_000), default=3_000, help="For each view in each round.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(rounds: int, requests: int, as_json: bool) -> None:
    """Measure processor time of a worker for each request; takes about a minute."""
    figures = measure(rounds, requests)
    machine = describe_machine(("django", "pyzmq"))
    if as_json:
        click.echo(json.dumps({"machine": machine, "figures": to_dicts(figures)}, indent=2))
    else:
        click.echo(f"{machine}\nmedians of {rounds} rounds of {requests} requests, one thread\n")
        click.echo(render(figures))


if __name__ == "__main__":
    end_in_order()
    main()
