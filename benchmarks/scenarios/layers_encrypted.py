"""What encryption costs: the same two processes with a secret and without one."""

from __future__ import annotations

from functools import partial
from typing import Final

from contestants.layers import mesh
from scenarios.layers_one_way import LOST, ONE_WAY, one_way
from support.scenario import OURS, Scenario, Target

__all__ = ["SCENARIOS"]

PLAIN: Final = f"{OURS}, plain"
BYTES: Final = 200

SCENARIOS: Final = (
    Scenario(
        name="encrypted",
        title=f"One process sends to another with encryption and without, {BYTES} bytes each",
        family="encrypted",
        measures=(ONE_WAY, LOST),
        contestants={OURS: one_way(partial(mesh, is_encrypted=True), BYTES), PLAIN: one_way(mesh, BYTES)},
        targets=(Target(ONE_WAY.name, 0.6, 0.8, (PLAIN,)),),
    ),
)
