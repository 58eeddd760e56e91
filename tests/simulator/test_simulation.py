"""Whole meshes in one process, on virtual time: whatever goes wrong, the promises hold. ``make soak`` does more."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.large import simulate_large
from simulator.plan import Plan
from simulator.simulation import simulate

TESTS = Path(__file__).parent.parent
SEEDS = range(16)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Formatting warnings would take a tenth of the time; what they are about is counted."""
    logger = logging.getLogger("zmqlayer")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


@pytest.mark.parametrize("seed", SEEDS)
def test_promises_hold_in_small_meshes(seed: int) -> None:
    """Two to twelve nodes, every kind of traffic, faults and clocks: a failing seed fails again in `make soak`."""
    plan = Plan.from_seed(seed)

    report = simulate(plan)

    assert report.read, plan.command()


@pytest.fixture
def _uncollected() -> Iterator[None]:
    """A mesh of hundreds is a million objects; to look through them for garbage again and again takes half the time."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.system  # slow
@pytest.mark.timeout(180)
@pytest.mark.usefixtures("_uncollected")
def test_promises_hold_among_two_hundred_nodes() -> None:
    """A mesh of 200 loses ten at once, is split in halves and healed; all agree, and groups reach everybody."""
    report = simulate_large(seed=1, nodes=200)

    assert report.agreed_s < 15
    assert report.promised > 50


def test_a_seed_is_a_run() -> None:
    """Another process, in which sets have another order, runs the same seed event for event."""
    code = "from simulator.simulation import simulate; from simulator.plan import Plan; "
    code += "print(simulate(Plan.from_seed(9, span=4.0)).digest)"
    digests = set()
    for number in ("1", "2"):
        environ = os.environ | {"PYTHONHASHSEED": number, "PYTHONPATH": os.pathsep.join(["", str(TESTS)])}
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env=environ,
            cwd=TESTS,
            capture_output=True,
            text=True,
            timeout=50,
        )
        digests.add(run.stdout)

    assert len(digests) == 1
    assert digests != {""}
