"""What one run of the simulator is made of, all of it drawn from one number."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["FAULTS", "Plan"]

FAULTS: Final = ("cut", "sever", "delay", "partition", "split", "kill", "leave", "stop", "flush")
"""What may go wrong, by name; ``faults.py`` says how."""


@dataclass(frozen=True, slots=True)
class Plan:
    """
    One run. The same plan gives the same run, event for event.

    Attributes:
        seed: Everything else that is random comes from it too.
        nodes: How many there are at first.
        seconds: Virtual seconds of traffic and faults, before the network is left in peace.
        pace: Steps of traffic in a virtual second.
        fault_pace: Faults in a virtual second.
        faults: The kinds of faults that may occur.
        delay_s: How long a frame travels, at least; a pair of nodes may be given more.
        drift: By how much the clocks of nodes run fast or slow.
        settings: What every node is configured with.
    """

    seed: int
    nodes: int
    seconds: float
    pace: float
    fault_pace: float
    faults: tuple[str, ...]
    delay_s: float
    drift: float
    settings: tuple[tuple[str, object], ...]

    @classmethod
    def from_seed(
        cls, seed: int, *, nodes: int | None = None, span: float | None = None, without: Iterable[str] = ()
    ) -> Plan:
        """
        Draw a plan.

        Args:
            nodes: Instead of the number drawn.
            span: Virtual seconds, instead of the number drawn.
            without: Kinds of faults to leave out.
        """
        draw = random.Random(seed)
        drawn_nodes = draw.choice((2, 3, 3, 4, 5, 6, 8, 12))
        drawn_seconds = draw.choice((3.0, 6.0, 12.0, 25.0))
        chosen = [fault for fault in FAULTS if draw.random() < (0.15 if fault == "flush" else 0.6)]
        return cls(
            seed=seed,
            nodes=drawn_nodes if nodes is None else nodes,
            seconds=drawn_seconds if span is None else span,
            pace=draw.choice((20.0, 60.0, 150.0)),
            fault_pace=draw.choice((0.0, 0.3, 1.0, 3.0)),
            faults=tuple(fault for fault in chosen if fault not in set(without)),
            delay_s=draw.choice((0.00005, 0.0005, 0.005, 0.02)),
            drift=draw.choice((0.0, 0.0, 0.001, 0.02)),
            settings=(
                ("capacity", draw.choice((4, 10, 100))),
                ("prefetch", draw.choice((0, 0, 1, 8))),
                ("expiry", draw.choice((2.0, 8.0, 60.0))),
                ("group_expiry", 86_400.0),
            ),
        )

    @property
    def expiry_s(self) -> float:
        """Seconds after which an unread message is dropped."""
        return float(str(dict(self.settings)["expiry"]))

    def command(self) -> str:
        """Return the command that does this run again."""
        original = Plan.from_seed(self.seed)
        words = [f"make soak SEED={self.seed}", "RUNS=1"]
        extra = [
            *([f"--nodes {self.nodes}"] if self.nodes != original.nodes else []),
            *([f"--span {self.seconds:g}"] if self.seconds != original.seconds else []),
            *(f"--without {fault}" for fault in original.faults if fault not in self.faults),
        ]
        return " ".join([*words, f'ARGS="{" ".join(extra)}"'] if extra else words)
