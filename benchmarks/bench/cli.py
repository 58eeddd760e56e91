"""The command line: what to measure, how long, and where the report goes."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from bench.expected import Expected, compare, find_faults, narrow, read_expected
from bench.finding import NoSuchScenario, choose, find_scenarios
from bench.machine import describe
from bench.pages import Draw, NoResults, read_results, to_dict, write_figures, write_report
from bench.progress import Progress
from bench.results import Result
from bench.tables import render_targets
from bench.turns import planned_s, run_scenario
from bench.verdicts import judge_all
from bench.wording import duration
from support.processes import end_in_order
from support.scenario import Scenario

__all__ = ["main"]

HOME: Final = Path(__file__).parents[1]
ROUNDS: Final = 5
SECONDS: Final = 2.0
QUICK_ROUNDS: Final = 3
QUICK_SECONDS: Final = 0.5

EPILOG = """
\b
Examples:
  python -m bench --list
  python -m bench 'group*' --rounds 9
  python -m bench round-trip --seconds 5 --output /tmp/round-trip
  python -m bench --quick
"""


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="[SCENARIO]...")
@click.option("--list", "is_list", is_flag=True, help="List scenarios, how long they take, and who takes part.")
@click.option(
    "--rounds", type=click.IntRange(1, 100),
    help=f"Rounds of each contestant, of which the median counts.  [{ROUNDS}; with --quick {QUICK_ROUNDS}]",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(0.05, 600),
    help=f"About how long a round lasts.  [{SECONDS:g}; with --quick {QUICK_SECONDS:g}]",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Short rounds of few; fails if a ratio of expected.json is not kept.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the report.  [benchmarks/results; with --quick benchmarks/results/quick]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON instead of the table of targets.")
@click.option(
    "--from", "source", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Measure nothing: write the report anew from the results.json of a run.",
)  # fmt: skip
def main(
    names: tuple[str, ...],
    is_list: bool,
    rounds: int | None,
    seconds: float | None,
    quick: bool,
    output: Path | None,
    as_json: bool,
    source: Path | None,
) -> None:
    """
    Measure zmqlayer and its peers on the same work, in turns, and write a report.

    A SCENARIO is a name, or a pattern such as 'group*'; all are run if none is given. Who is not installed is left
    out, and the report says so. Exits with 1 if a contestant failed, or with --quick if a ratio is not kept.
    """
    found = find_scenarios(HOME / "scenarios")
    try:
        scenarios = choose(found, names)
    except NoSuchScenario as exc:
        raise click.UsageError(str(exc)) from exc
    rounds, seconds = rounds or (QUICK_ROUNDS if quick else ROUNDS), seconds or (QUICK_SECONDS if quick else SECONDS)
    folder = output or (source.parent if source else HOME / "results" / ("quick" if quick else ""))
    if is_list:
        click.echo("\n".join(_list(scenarios, rounds, seconds)))
    elif source is not None:
        results, facts = _read(source, scenarios)
        _finish(folder, results, facts, as_json)
    else:
        bounds = _bounds(found) if quick else ()
        chosen = narrow([scenario for scenario in scenarios if scenario.is_quick], bounds) if quick else scenarios
        sys.exit(_run(chosen, bounds, (rounds, seconds), folder, as_json))


def _run(
    scenarios: Sequence[Scenario], bounds: Sequence[Expected], extent: tuple[int, float], folder: Path, as_json: bool
) -> int:
    """Measure, write the report, compare with *bounds* if there are any; return the exit code."""
    for name in [name for name in os.environ if name.startswith("ZMQLAYER_")]:
        del os.environ[name]  # the settings of the benchmarks alone count
    facts = {**describe(), "Rounds": f"{extent[0]} of about {extent[1]:g} s, after one to warm up"}
    results: list[Result] = []
    end_in_order()
    try:
        _measure(scenarios, extent, folder, facts, results)
    except KeyboardInterrupt:
        click.echo("Stopped: the report has what was measured.", err=True)
        _finish(folder, results, facts, as_json)
        return 130
    _finish(folder, results, facts, as_json)
    is_kept = not bounds or _is_kept(scenarios, results, bounds, extent)
    return 0 if is_kept and not any(result.errors for result in results) else 1


def _measure(
    scenarios: Sequence[Scenario], extent: tuple[int, float], folder: Path | None, facts: Mapping[str, str],
    results: list[Result],
) -> None:  # fmt: skip
    """Run all, adding to *results* as they come."""
    plan = sum(planned_s(scenario, *extent) for scenario in scenarios)
    progress = Progress(sys.stderr, len(scenarios), plan, time.monotonic)
    try:
        for scenario in scenarios:
            results.append(run_scenario(scenario, *extent, progress))
            if folder is not None:
                write_figures(folder, results, facts)
    finally:
        progress.finish()


def _is_kept(
    scenarios: Sequence[Scenario], results: Sequence[Result], bounds: Sequence[Expected], extent: tuple[int, float]
) -> bool:
    """Compare; what regressed is measured once more, and counts if it does so again."""
    comparison = compare(results, bounds)
    click.echo(comparison.describe())
    if not comparison.regressed:
        return True
    again: list[Result] = []
    click.echo("Measuring again what regressed.", err=True)
    _measure(narrow(scenarios, comparison.regressed), extent, None, {}, again)
    comparison = compare(again, comparison.regressed)
    click.echo(f"\nAgain:\n{comparison.describe()}")
    return not (comparison.regressed or comparison.skipped)


def _read(source: Path, scenarios: Sequence[Scenario]) -> tuple[list[Result], dict[str, str]]:
    try:
        return read_results(source, scenarios)
    except NoResults as exc:
        raise click.BadParameter(str(exc), param_hint="--from") from exc


def _finish(folder: Path, results: Sequence[Result], facts: Mapping[str, str], as_json: bool) -> None:
    write_figures(folder, results, facts)
    write_report(folder, results, facts, _drawer())
    if as_json:
        click.echo(json.dumps(to_dict(results, facts), indent=1, ensure_ascii=False))
    elif judgements := judge_all(results):
        click.echo(render_targets(judgements))
    for result in results:
        for name, why in {**result.missing, **result.errors}.items():
            click.echo(f"{result.scenario.name}: {name} is left out: {why}", err=True)
    click.echo(f"The report is in {folder}", err=True)


def _drawer() -> Draw | None:
    if importlib.util.find_spec("matplotlib") is None:
        click.echo("No plots: matplotlib is not installed (pip install matplotlib).", err=True)
        return None
    from bench.plots import draw_plots  # only here: whoever wants no plots needs no matplotlib

    return draw_plots


def _bounds(scenarios: Sequence[Scenario]) -> tuple[Expected, ...]:
    bounds = read_expected((HOME / "expected.json").read_text(encoding="utf-8"))
    if faults := find_faults(bounds, scenarios):
        raise click.ClickException("expected.json is wrong\n" + "\n".join(faults))
    return bounds


def _list(scenarios: Sequence[Scenario], rounds: int, seconds: float) -> list[str]:
    lines = []
    for scenario in scenarios:
        takes, quick = duration(planned_s(scenario, rounds, seconds)), " (quick)" if scenario.is_quick else ""
        lines.append(f"{scenario.name:<28} {takes:>6}  {scenario.title}{quick}")
        lines.append(f"{'':<36} {'; '.join(scenario.contestants)}")
    return lines
