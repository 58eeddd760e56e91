"""The report as Markdown: targets first, then each scenario. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from bench.results import Result
from bench.verdicts import Judgement, is_no_limit, judge_all
from bench.wording import number
from support.scenario import Measure, Target

__all__ = ["render_report", "render_scenario", "render_targets"]

DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
INTRODUCTION = f"""\
Each cell has the median, in brackets the least and the greatest of the rounds, and after {TIMES} what the first
contestant of the table has divided by this one: the median of each round's ratio. Contestants took turns in one run;
figures of different runs and machines cannot be compared, ratios mostly can."""


def render_report(
    results: Sequence[Result], facts: Mapping[str, str], plots: Mapping[str, Sequence[str]] | None = None
) -> str:
    """
    Return the whole page.

    Args:
        facts: What figures depend on: machine, date, versions.
        plots: Files by the name of a family, as links from this page.
    """
    parts = ["# Benchmarks", "\n".join(f"- {name}: {fact}" for name, fact in facts.items()), INTRODUCTION]
    judgements = judge_all(results)
    if judgements:
        parts += ["## Targets", render_targets(judgements)]
    if left_out := _left_out(results):
        parts += ["## Left out", left_out]
    for family, members in by_family(results).items():
        parts.append(f"## {family[:1].upper()}{family[1:]}")
        parts += [f"![{family}]({file})" for file in (plots or {}).get(family, ())]
        parts += chain.from_iterable(render_scenario(result) for result in members)
    return "\n\n".join(parts) + "\n"


def by_family(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Return *results* by family, in order of the first of each."""
    families: dict[str, list[Result]] = {}
    for result in results:
        families.setdefault(result.scenario.family, []).append(result)
    return families


def render_targets(judgements: Iterable[Judgement]) -> str:
    """Return the table of targets."""
    head = ("what", "limit", "aim", "measured", "verdict")
    return _table([head, *map(_target_row, judgements)])


def render_scenario(result: Result) -> list[str]:
    """Return title, notes and table of a scenario."""
    scenario = result.scenario
    head = ("", *(f"{measure.name}, {measure.unit}" for measure in scenario.measures))
    named = [name for name, outcome in result.outcomes.items() if outcome.counts]
    rows = [(name, *(_cell(result, name, measure) for measure in scenario.measures)) for name in named]
    parts = [f"### {scenario.name}", f"{scenario.title}.", _table([head, *rows]) if rows else "Nobody took part."]
    return [*parts, scenario.notes] if scenario.notes else parts


def _cell(result: Result, name: str, measure: Measure) -> str:
    spread, ratio = result.spread(name, measure.name), result.ratio(result.ours, name, measure.name)
    if spread is None:
        return DASH
    text, least, most = map(number, (spread.median, spread.least, spread.most))
    if least != most:
        text += f" ({least}{DASH}{most})"
    if ratio is None or name == result.ours or spread.most == 0:
        return text
    return f"{text} {TIMES}{number(ratio)}"


def _target_row(judgement: Judgement) -> tuple[str, ...]:
    target, sign = judgement.target, "≥" if judgement.is_rate else "≤"
    aim = DASH if target.aim is None else f"{sign} {target.aim:,g}"
    limit = DASH if is_no_limit(target, judgement.is_rate) else f"{sign} {target.limit:,g}"
    return _subject(judgement), limit, aim, _measured(judgement), judgement.verdict.value


def _subject(judgement: Judgement) -> str:
    target = judgement.target
    return f"{judgement.scenario.name}: {target.measure}, {target.ours}{_compared(target, judgement.unit)}"


def _compared(target: Target, unit: str) -> str:
    if not target.against:
        return f", {unit}"
    return f" ÷ {target.against[0]}" if len(target.against) == 1 else f" ÷ best of {len(target.against)}"


def _measured(judgement: Judgement) -> str:
    if judgement.measured is None:
        return DASH
    is_one_of_many = judgement.best and len(judgement.target.against) > 1
    return number(judgement.measured) + (f" ({judgement.best})" if is_one_of_many else "")


def _left_out(results: Iterable[Result]) -> str:
    """Say once why somebody is missing, and in which scenarios; and what failed."""
    missing: dict[tuple[str, str], list[str]] = {}
    failed = []
    for result in results:
        for name, why in result.missing.items():
            missing.setdefault((name, why), []).append(result.scenario.name)
        failed += [f"- FAILED: {result.scenario.name}, {name}: {why}" for name, why in result.errors.items()]
    return "\n".join(
        [*failed, *(f"- {name}: {why} ({', '.join(scenarios)})" for (name, why), scenarios in missing.items())]
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown that can be read as it is: the first column to the left, the others to the right."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(cells[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in (cells[0], rule, *cells[1:]))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if not column else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return f"| {' | '.join((first, *others))} |"
