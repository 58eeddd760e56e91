"""The command line of the benchmarks."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench import cli
from support.contests import RATE, absent, giving, raising, scenario
from support.scenario import Round, Scenario, Target

PAIR = scenario(
    contestants={"zmqlayer": giving({RATE.name: 30.0}), "peer": giving({RATE.name: 10.0}), "other": absent},
    targets=(Target(RATE.name, 2.0, against=("peer", "other")),),
    is_quick=True,
)
BROKEN = scenario("broken", contestants={"zmqlayer": raising(OSError("no room"))})


class Bench:
    """The command on scenarios that measure nothing, in a folder of its own, without plots."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        monkeypatch.setattr(cli, "HOME", home)
        monkeypatch.setattr(cli, "find_scenarios", lambda folder: self.scenarios)
        monkeypatch.setattr(cli, "_drawer", lambda: None)
        self.scenarios: list[Scenario] = [PAIR, BROKEN]
        self.has_measured = False

    def run(self, *arguments: str) -> Result:
        """Run it with short rounds."""
        return CliRunner().invoke(cli.main, [*arguments, "--seconds", "0.05"])

    def expect(self, **bound: object) -> None:
        """Write a bound about the pair."""
        written = [{"scenario": "pair", "measure": RATE.name, "against": "peer", **bound}]
        (self.home / "expected.json").write_text(json.dumps(written))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The command."""
    return Bench(tmp_path, monkeypatch)


def test_report_is_written(bench: Bench) -> None:
    """A run leaves figures and a page, prints the targets, and says who is missing."""
    ran = bench.run("pair")

    figures = json.loads((bench.home / "results/results.json").read_text())
    assert ran.exit_code == 0
    assert "3.00 (peer)" in ran.stdout
    assert "other is left out: no peer here" in ran.stderr
    assert figures["targets"][0]["verdict"] == "met"
    assert figures["scenarios"][0]["contestants"]["peer"]["rounds"] == {RATE.name: [10.0] * 5}
    assert "### pair" in (bench.home / "results/results.md").read_text()


@pytest.fixture
def sigterm() -> Iterator[None]:
    """Let SIGTERM end nothing but what asks for it."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_run_that_is_killed_ends_what_it_started(bench: Bench, sigterm: None) -> None:
    """As with Ctrl-C; and the report has what was measured before."""
    ended: list[str] = []

    def stop() -> Mapping[str, float]:
        os.kill(os.getpid(), signal.SIGTERM)
        return {RATE.name: 1.0}

    @contextmanager
    def broker(seconds: float) -> Iterator[Round]:
        try:
            yield stop
        finally:
            ended.append("broker")

    bench.scenarios = [PAIR, scenario("endless", contestants={"zmqlayer": broker}), BROKEN]

    ran = bench.run()

    assert (ran.exit_code, ended) == (130, ["broker"])
    assert "Stopped: the report has what was measured." in ran.stderr
    assert "### pair" in (bench.home / "results/results.md").read_text()


def test_failure_is_reported_and_fails_the_run(bench: Bench) -> None:
    """The scenarios after it are run all the same."""
    bench.scenarios.reverse()

    ran = bench.run()

    assert ran.exit_code == 1
    assert "broken: zmqlayer is left out: OSError in the warm-up: no room" in ran.stderr
    assert "3.00 (peer)" in ran.stdout


def test_figures_can_be_had_as_json(bench: Bench) -> None:
    """Standard output has nothing but JSON."""
    ran = bench.run("pair", "--json", "--rounds", "2")

    assert json.loads(ran.stdout)["scenarios"][0]["name"] == "pair"


def test_list_measures_nothing(bench: Bench) -> None:
    """Names, and who takes part."""
    ran = bench.run("--list")

    assert "pair" in ran.stdout
    assert "zmqlayer; peer; other" in ran.stdout
    assert not list(bench.home.iterdir())


def test_report_is_written_anew_from_figures(bench: Bench) -> None:
    """Nothing is measured for it."""
    bench.run("pair")
    (bench.home / "results/results.md").unlink()

    ran = bench.run("--from", str(bench.home / "results/results.json"))

    assert ran.exit_code == 0
    assert "### pair" in (bench.home / "results/results.md").read_text()


@pytest.mark.parametrize("content", [b"[build-system]", b"{}", b"[1]", b'{"scenarios": [1], "facts": {}}', b"\xff"])
def test_another_file_is_a_mistake_of_usage(bench: Bench, content: bytes) -> None:
    """Exit code 2, and what was expected."""
    other = bench.home / "pyproject.toml"
    other.write_bytes(content)

    ran = bench.run("--from", str(other))

    assert ran.exit_code == 2
    assert f"Invalid value for --from: {other} is no results.json of a run: " in " ".join(ran.stderr.split())


def test_unknown_name_is_a_mistake_of_usage(bench: Bench) -> None:
    """Exit code 2, and a hint."""
    ran = bench.run("par")

    assert ran.exit_code == 2
    assert "Is it pair?" in ran.stderr


def test_quick_run_passes_where_bounds_are_kept(bench: Bench) -> None:
    """Only those are measured that bounds name."""
    bench.expect(least=2.5)

    ran = bench.run("--quick")

    assert ran.exit_code == 0
    assert "ok         pair: one way, zmqlayer ÷ peer: 3.00, at least 2.5" in ran.stdout
    assert "other" not in ran.output


def test_quick_run_fails_where_they_are_not(bench: Bench) -> None:
    """What is on the wrong side twice is a regression."""
    bench.expect(least=3.5)

    ran = bench.run("--quick")

    assert ran.exit_code == 1
    assert ran.stdout.count("REGRESSED  pair") == 2
    assert "make bench ARGS=pair" in ran.stdout


def test_quick_run_fails_where_the_second_measurement_does(bench: Bench) -> None:
    """What regressed and cannot be measured again is not forgiven."""
    rounds = iter([{RATE.name: 10.0}] * 20)

    @contextmanager
    def once(seconds: float) -> Iterator[Round]:
        if bench.has_measured:
            raise OSError("no room")
        bench.has_measured = True
        yield lambda: next(rounds)

    bench.scenarios = [replace(PAIR, contestants={**PAIR.contestants, "zmqlayer": once})]
    bench.expect(least=3.5)

    ran = bench.run("--quick")

    assert ran.exit_code == 1
    assert "skipped    pair" in ran.stdout


def test_wrong_bounds_are_told_before_anything_is_measured(bench: Bench) -> None:
    """A bound that would never be looked at is an error."""
    bench.scenarios = [BROKEN]
    bench.expect(least=3.5)

    ran = bench.run("--quick")

    assert ran.exit_code == 1
    assert "there is no such scenario" in ran.stderr
