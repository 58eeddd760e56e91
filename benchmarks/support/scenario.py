"""
The words that all benchmarks share: a scenario is one piece of work that several contestants do in turns.

Pure: what is measured stands in ``scenarios/``, whom it is measured with in ``contestants/``, who runs it and writes
the report in ``bench/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

__all__ = ["OURS", "Contestant", "Measure", "Missing", "Round", "Scenario", "Target"]

OURS = "zmqlayer"
"""The name of our contestant; variants are named ``zmqlayer, prefetch 32``."""

Round = Callable[[], Mapping[str, float]]
"""Does the work once; returns a figure for each :class:`Measure` of the scenario by its name."""

Contestant = Callable[[float], AbstractContextManager[Round]]
"""
Takes about how many seconds one round shall last. Starts on entry all that the work needs and does nothing while no
round runs; ends it on exit. Raises :class:`Missing` on entry if something is not installed.
"""


class Missing(Exception):
    """A contestant cannot take part: what is not installed, and how to install it, as one sentence."""


@dataclass(frozen=True, slots=True)
class Measure:
    """
    What a round gives.

    Attributes:
        name: As in the tables: ``one way``.
        unit: ``messages/s``, ``µs``, ``ms``, ``MB``, ``%``.
        is_rate: More is better.
    """

    name: str
    unit: str
    is_rate: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """
    What a figure is held to.

    Attributes:
        measure: Name of a measure.
        limit: At least this if the measure is a rate, at most this otherwise: of the ratio to the best contestant of
            *against*, or of the value if *against* is empty.
        aim: The same, better.
        against: Names of contestants of this scenario; those that are missing do not count.
        ours: The contestant that is held to it.
    """

    measure: str
    limit: float
    aim: float | None = None
    against: tuple[str, ...] = ()
    ours: str = OURS


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    One piece of work, and who does it.

    Attributes:
        name: Short, unique, as given on the command line: ``group-100``.
        title: One line that says what is done.
        family: Name that scenarios have in common that differ in *x* only; a plot shows them together.
        measures: What each round gives.
        contestants: By name, in the order of the table; ours first.
        targets: What is asked of us.
        x: The number that this scenario differs in from others of its family: members, bytes, nodes.
        x_label: What *x* is, with its unit.
        is_quick: Whether it guards against regressions in ``make bench-quick``.
        rounds: If it needs fewer than the run's, as what takes minutes does.
    """

    name: str
    title: str
    family: str
    measures: tuple[Measure, ...]
    contestants: Mapping[str, Contestant]
    targets: tuple[Target, ...] = ()
    x: float | None = None
    x_label: str = ""
    is_quick: bool = False
    rounds: int | None = None
    notes: str = field(default="", compare=False)
