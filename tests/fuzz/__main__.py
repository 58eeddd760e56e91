"""``make fuzz``: spoiled frames for a node, as many as wished."""

from __future__ import annotations

import logging
import random
import sys
import time

import click

from fuzz.fuzzer import Broken, Fuzzer

BATCH = 20_000


@click.command()
@click.option("--frames", type=int, default=1_000_000, help="How many. [default: a million]")
@click.option("--seed", type=int, help="Decides everything. [default: by chance]")
def main(frames: int, seed: int | None) -> None:
    """Send spoiled frames to a node, and look whether it stays alive, exact and small."""
    logging.getLogger("zmqlayer").setLevel(logging.CRITICAL)
    seed = random.SystemRandom().randrange(10**9) if seed is None else seed
    click.echo(f"seed {seed}")
    fuzzer, began_at = Fuzzer(seed), time.monotonic()
    try:
        while fuzzer.frames < frames:
            fuzzer.run(min(BATCH, frames - fuzzer.frames))
            click.echo(
                f"{fuzzer.frames:,} frames in {time.monotonic() - began_at:.0f} s, {len(fuzzer.reached.lines):,} lines "
                f"reached, {len(fuzzer.kept)} kept, {fuzzer.malformed:,} malformed, slowest {fuzzer.slowest_s:.3f} s"
            )
    except Broken as exc:
        click.echo(f"BROKEN: {exc}\nagain: make fuzz SEED={seed}")
        sys.exit(1)


if __name__ == "__main__":
    main()
