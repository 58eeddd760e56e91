"""Contestants in turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from bench import turns
from bench.turns import planned_s, run_scenario
from support.contests import RATE, Silent, absent, giving, raising, scenario
from support.scenario import Round

ONE = {RATE.name: 1.0}


def test_contestants_take_turns_in_both_orders() -> None:
    """All start, warm up, and go in turns, so that nobody always comes first."""
    watcher = Silent()

    run_scenario(scenario(contestants={"a": giving(ONE), "b": giving(ONE)}), 2, 0.1, watcher)

    assert watcher.steps == [
        "start: a", "start: b", "warm-up: a", "warm-up: b",
        "round 1 of 2: a", "round 1 of 2: b", "round 2 of 2: b", "round 2 of 2: a",
    ]  # fmt: skip


def test_warm_up_does_not_count() -> None:
    """The first figures are those of the second time."""
    contestant = giving({RATE.name: 1.0}, {RATE.name: 2.0}, {RATE.name: 3.0})

    came = run_scenario(scenario(contestants={"a": contestant}), 2, 0.1, Silent())

    assert came.rounds("a", RATE.name) == [2.0, 3.0]


def test_plan_is_what_is_done() -> None:
    """As many seconds are said to be done as were planned."""
    watcher, planned = Silent(), scenario(contestants={"a": giving(ONE), "b": giving(ONE)}, rounds=2)

    run_scenario(planned, 5, 0.1, watcher)

    assert watcher.seconds == pytest.approx(planned_s(planned, 5, 0.1))


def test_single_round_has_no_warm_up() -> None:
    """What takes minutes is done once."""
    watcher = Silent()

    run_scenario(scenario(contestants={"a": giving(ONE)}, rounds=1), 5, 0.1, watcher)

    assert watcher.steps == ["start: a", "round 1 of 1: a"]


def test_others_go_on_without_who_is_missing() -> None:
    """Who is not installed has the reason, and no figures."""
    came = run_scenario(scenario(contestants={"a": giving(ONE), "b": absent}), 2, 0.1, Silent())

    assert came.missing == {"b": "no peer here: apt-get install peer"}
    assert came.rounds("a", RATE.name) == [1.0, 1.0]
    assert not came.errors


def test_others_go_on_without_who_failed() -> None:
    """What failed is said once, with its traceback for who watches."""
    watcher = Silent()

    came = run_scenario(scenario(contestants={"a": raising(OSError("no room")), "b": giving(ONE)}), 2, 0.1, watcher)

    assert came.errors == {"a": "OSError in the warm-up: no room"}
    assert came.rounds("b", RATE.name) == [1.0, 1.0]
    assert ["no room" in trace for trace in watcher.traces] == [True]


@pytest.mark.parametrize(("figures", "word"), [({}, "one way"), ({RATE.name: float("nan")}, "nan")])
def test_figures_are_checked(figures: Mapping[str, float], word: str) -> None:
    """A measure without a figure, or with none that is a number, is a failure."""
    came = run_scenario(scenario(contestants={"a": giving(figures)}), 2, 0.1, Silent())

    assert word in came.errors["a"]


def test_hanging_contestant_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that waits for ever fails after its time, and is ended like the others."""
    monkeypatch.setattr(turns, "WITHIN_S", 0.05)
    ended = []

    @contextmanager
    def hanging(seconds: float) -> Iterator[Round]:
        yield lambda: ONE if threading.Event().wait() else {}
        ended.append("hanging")

    came = run_scenario(scenario(contestants={"a": hanging, "b": giving(ONE)}), 1, 0.001, Silent())

    assert came.errors["a"].startswith("Overdue in the warm-up")
    assert came.outcomes["b"].counts
    assert ended == ["hanging"]


def test_all_are_ended_when_somebody_stops_the_run() -> None:
    """An interrupt leaves nothing behind."""
    ended = []

    @contextmanager
    def started(seconds: float) -> Iterator[Round]:
        try:
            yield lambda: ONE
        finally:
            ended.append("started")

    with pytest.raises(KeyboardInterrupt):
        run_scenario(scenario(contestants={"a": started, "b": raising(KeyboardInterrupt())}), 1, 0.1, Silent())

    assert ended == ["started"]
