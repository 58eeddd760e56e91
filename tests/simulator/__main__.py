"""``make soak``: simulate meshes for as long as wished."""

from __future__ import annotations

import itertools
import logging
import random
import sys
import time

import click

from simulator.plan import FAULTS, Plan
from simulator.soak import Soak


@click.command()
@click.option("--seed", type=int, help="The first seed; those after it follow. [default: by chance]")
@click.option("--runs", type=int, help="How many runs at most. [default: as many as fit]")
@click.option("--seconds", type=float, default=60.0, help="How long, in real time. [default: 60]")
@click.option("--nodes", type=int, help="Nodes of each mesh. [default: by chance, 2 to 12]")
@click.option("--span", type=float, help="Virtual seconds of traffic and faults of each run. [default: by chance]")
@click.option("--without", multiple=True, type=click.Choice(FAULTS), help="A kind of fault to leave out.")
def main(
    seed: int | None, runs: int | None, seconds: float, nodes: int | None, span: float | None, without: tuple[str, ...]
) -> None:
    """Simulate whole meshes on virtual time, and look for broken promises."""
    logging.getLogger("zmqlayer").setLevel(logging.CRITICAL)
    first = random.SystemRandom().randrange(10**6, 10**9) if seed is None else seed
    seeds = itertools.count(first) if runs is None else range(first, first + runs)
    plans = (Plan.from_seed(number, nodes=nodes, span=span, without=without) for number in seeds)
    soak = Soak(say=click.echo, clock=time.monotonic)
    click.echo(f"seeds from {first}")
    soak.run(plans, seconds)
    click.echo(soak.summary())
    sys.exit(1 if soak.failures else 0)


if __name__ == "__main__":
    main()
