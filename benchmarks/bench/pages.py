"""The folder with the report of a run: ``results.json``, ``results.md`` and plots."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.results import Result
from bench.tables import render_report
from bench.verdicts import judge_all
from support.scenario import Scenario

__all__ = ["Draw", "NoResults", "read_results", "to_dict", "write_figures", "write_report"]

JSON: Final = "results.json"
MARKDOWN: Final = "results.md"

Draw = Callable[[Sequence[Result], Path], dict[str, list[str]]]
"""Writes plots to a folder, and returns their names by family."""


class NoResults(ValueError):
    """A file is no ``results.json`` of a run."""


def to_dict(results: Sequence[Result], facts: Mapping[str, str]) -> dict[str, Any]:
    """Return all that is known of a run, for JSON."""
    return {
        "facts": dict(facts),
        "targets": [judgement.to_dict() for judgement in judge_all(results)],
        "scenarios": [result.to_dict() for result in results],
    }


def write_figures(folder: Path, results: Sequence[Result], facts: Mapping[str, str]) -> None:
    """Write ``results.json``; done after each scenario, so that nothing is lost if a run is stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(to_dict(results, facts), indent=1, ensure_ascii=False)
    (folder / JSON).write_text(text + "\n", encoding="utf-8")


def write_report(folder: Path, results: Sequence[Result], facts: Mapping[str, str], draw: Draw | None = None) -> None:
    """Write ``results.md``, and the plots that go with it instead of those of the run before."""
    folder.mkdir(parents=True, exist_ok=True)
    plots = {}
    if draw is not None:
        for old in folder.glob("*.svg"):
            old.unlink()
        plots = draw(results, folder)
    (folder / MARKDOWN).write_text(render_report(results, facts, plots), encoding="utf-8")


def read_results(path: Path, scenarios: Iterable[Scenario]) -> tuple[list[Result], dict[str, str]]:
    """
    Read the ``results.json`` of a run.

    Args:
        scenarios: All that there are now; figures of others are left out.

    Returns:
        Its results, and what they depend on.

    Raises:
        NoResults: The file is none.
    """
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        by_name = {scenario["name"]: scenario for scenario in written["scenarios"]}
        results = [
            Result(scenario, Result.outcomes_of(by_name[scenario.name]))
            for scenario in scenarios
            if scenario.name in by_name
        ]
        return results, written["facts"]
    except (ValueError, LookupError, TypeError, AttributeError) as exc:
        raise NoResults(f"{path} is no {JSON} of a run: {type(exc).__name__}: {exc}") from exc
