"""Figures, what they should be, and a table of both."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

import zmq

__all__ = ["Figure", "describe_machine", "render", "to_dicts"]


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One thing that was measured in several rounds.

    Attributes:
        rounds: What each round gave; the median counts.
        raw_rounds: What the contestant that is compared, bare pyzmq in the first place, gave right before or after each
            of them; empty where there is nothing to compare.
        limit: What *value*, or if *is_ratio* what *ratio* is held to; None for no target.
        is_least: The target is a least value, not a most.
    """

    name: str
    unit: str
    rounds: Sequence[float]
    raw_rounds: Sequence[float] = ()
    limit: float | None = None
    is_ratio: bool = False
    is_least: bool = False

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def raw(self) -> float | None:
        """The median of the other contestant's rounds."""
        return statistics.median(self.raw_rounds) if self.raw_rounds else None

    @property
    def ratio(self) -> float | None:
        """The median of each round's ratio to its raw neighbour: what disturbs one mostly disturbs both."""
        pairs = zip(self.rounds, self.raw_rounds, strict=True) if self.raw_rounds else ()
        return statistics.median(ours / raw for ours, raw in pairs) if self.raw_rounds else None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        judged = self.ratio if self.is_ratio else self.value
        if self.limit is None or judged is None:
            return None
        return judged >= self.limit if self.is_least else judged <= self.limit

    @property
    def target(self) -> str:
        """The target in words."""
        if self.limit is None:
            return "-"
        return (
            f"{'≥' if self.is_least else '≤'} {self.limit:{'g' if self.is_ratio else ',.0f'}}{' times' * self.is_ratio}"
        )


def describe_machine(packages: Sequence[str] = ("pyzmq", "msgpack", "zeroconf")) -> str:
    """Return what figures depend on, with the versions of *packages*, in one line."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} CPUs (load {load:.1f}), {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}, libzmq {zmq.zmq_version()}"
    )


def to_dicts(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """Return *figures* for JSON."""
    return [
        {**asdict(f), "value": f.value, "raw": f.raw, "ratio": f.ratio, "target": f.target, "is_met": f.is_met}
        for f in figures
    ]


def render(figures: Sequence[Figure], raw: str = "raw pyzmq") -> str:
    """Return *figures* as a table; *raw* names what is compared."""
    head = ("", "measured", raw, "ratio", "target", "")
    rows = [head, *map(_cells, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(_line(row, widths) for row in rows)


def _cells(figure: Figure) -> tuple[str, ...]:
    verdict = {True: "met", False: "MISSED", None: ""}[figure.is_met]
    raw = "-" if figure.raw is None else f"{figure.raw:,.0f}"
    ratio = "-" if figure.ratio is None else f"{figure.ratio:.2f}"
    return f"{figure.name}, {figure.unit}", f"{figure.value:,.0f}", raw, ratio, figure.target, verdict


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return "  ".join(cells).rstrip()
