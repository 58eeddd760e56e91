"""All scenarios that there are, and those that somebody named."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from support.scenario import Scenario

__all__ = ["NoSuchScenario", "choose", "find_scenarios"]


class NoSuchScenario(Exception):
    """A pattern fits no name; says which, and what is like it."""


def find_scenarios(folder: Path, package: str = "scenarios") -> tuple[Scenario, ...]:
    """
    Import every module in *folder*, which is that package, and return their ``SCENARIOS``.

    Raises:
        ValueError: Two have the same name.
    """
    modules = [importlib.import_module(f"{package}.{path.stem}") for path in sorted(folder.glob("[a-z]*.py"))]
    return check_names(scenario for module in modules for scenario in module.SCENARIOS)


def check_names(scenarios: Iterable[Scenario]) -> tuple[Scenario, ...]:
    """
    Return them.

    Raises:
        ValueError: Two have the same name.
    """
    found: dict[str, Scenario] = {}
    for scenario in scenarios:
        if found.setdefault(scenario.name, scenario) is not scenario:
            raise ValueError(f"two scenarios are named {scenario.name!r}")
    return tuple(found.values())


def choose(scenarios: Sequence[Scenario], patterns: Sequence[str]) -> list[Scenario]:
    """
    Return those that a pattern fits, all without patterns.

    Args:
        patterns: Names, with the signs of a shell: ``group*``.

    Raises:
        NoSuchScenario: One fits none.
    """
    for pattern in patterns:
        if not any(fnmatchcase(scenario.name, pattern) for scenario in scenarios):
            raise NoSuchScenario(_explain(pattern, [scenario.name for scenario in scenarios]))
    return [
        scenario
        for scenario in scenarios
        if not patterns or any(fnmatchcase(scenario.name, pattern) for pattern in patterns)
    ]


def _explain(pattern: str, names: Sequence[str]) -> str:
    like = [name for name in names if pattern in name] or difflib.get_close_matches(pattern, names)
    hint = f"Is it {', '.join(like[:5])}?" if like else "--list shows them all."
    return f"No scenario is named {pattern!r}. {hint}"
