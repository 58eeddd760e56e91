"""The report as Markdown."""

from __future__ import annotations

from bench.results import Outcome
from bench.tables import render_report, render_scenario, render_targets
from bench.verdicts import judge_all
from support.contests import RATE, result, scenario
from support.scenario import Target

DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


def test_cells_have_median_spread_and_ratio() -> None:
    """Of each contestant the median, both ends, and how ours compares."""
    title, sentence, table = render_scenario(result(scenario(), zmqlayer=[40.0, 20.0, 30.0], peer=[10.0, 10.0, 10.0]))

    assert (title, sentence) == ("### pair", "What pair does.")
    assert table.splitlines() == [
        "|          | one way, messages/s |",
        "| -------- | ------------------: |",
        f"| zmqlayer |    30.0 (20.0{DASH}40.0) |",
        f"| peer     |          10.0 {TIMES}3.00 |",
    ]


def test_targets_say_against_whom() -> None:
    """A row has what is asked, what was measured against the best, and the verdict."""
    target = Target(RATE.name, 2.0, 3.5, ("slow", "fast"))
    came = result(scenario(targets=(target,)), zmqlayer=[30.0], slow=[5.0], fast=[10.0])

    *_, row = render_targets(judge_all([came])).splitlines()

    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["pair: one way, zmqlayer ÷ best of 2", "≥ 2", "≥ 3.5", "3.00 (fast)", "met"]


def test_report_names_who_is_left_out_once() -> None:
    """Who is missing in several scenarios has one line, and failures come first."""
    away = Outcome(missing="no nats-server: apt-get install nats-server")
    results = [result(scenario(name), zmqlayer=[1.0], peer=away) for name in ("a", "b")]
    results.append(result(scenario("c"), zmqlayer=Outcome(error="OSError in round 1: no")))

    page = render_report(results, {"Machine": "this one"})

    (section,) = [part for part in page.split("\n## ") if part.startswith("Left out")]
    assert section.splitlines()[2:4] == [
        "- FAILED: c, zmqlayer: OSError in round 1: no",
        "- peer: no nats-server: apt-get install nats-server (a, b)",
    ]
    assert "Nobody took part." in page


def test_report_shows_plots_with_their_family() -> None:
    """A family has its plots before its tables, whatever order the scenarios were run in."""
    results = [result(scenario(name, family=f), zmqlayer=[1.0]) for name, f in [("a", "f"), ("b", "g"), ("c", "f")]]

    page = render_report(results, {}, {"f": ["f.svg"]})

    headings = [line for line in page.splitlines() if line.startswith(("##", "!"))]
    assert headings == ["## F", "![f](f.svg)", "### a", "### c", "## G", "### b"]
