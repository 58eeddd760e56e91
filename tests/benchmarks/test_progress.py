"""What a run says of itself."""

from __future__ import annotations

import io

import pytest

from bench.progress import Progress
from support.contests import scenario


class Terminal(io.StringIO):
    """A stream that is one."""

    def isatty(self) -> bool:
        return True


def test_rest_is_estimated_by_the_pace() -> None:
    """Who took twice as long as planned will do so for the rest."""
    times = iter([0.0, 10.0, 10.0])
    progress = Progress(io.StringIO(), 1, 15.0, lambda: next(times))

    progress.done(5.0)

    assert progress.remaining_s == pytest.approx(20.0)


def test_file_gets_a_line_for_each_scenario() -> None:
    """Where it is no terminal, steps are not told."""
    stream = io.StringIO()
    progress = Progress(stream, 2, 10.0, lambda: 0.0)

    for name in ("a", "a", "b"):
        progress.doing(scenario(name), "round 1 of 2", "zmqlayer")

    assert [line.split(":")[0] for line in stream.getvalue().splitlines()] == ["[1/2] a", "[2/2] b"]


def test_terminal_gets_one_line_that_changes() -> None:
    """On a terminal each step takes the place of the one before."""
    stream = Terminal()
    progress = Progress(stream, 2, 10.0, lambda: 0.0)

    progress.doing(scenario("a"), "round 1 of 2", "zmqlayer")
    progress.finish()

    assert stream.getvalue().startswith("\r\x1b[K[1/2] a: round 1 of 2, zmqlayer")
    assert stream.getvalue().endswith("\r\x1b[K")


def test_failure_is_told_at_once() -> None:
    """A traceback does not wait for the report."""
    stream = io.StringIO()

    Progress(stream, 1, 1.0, lambda: 0.0).failed(scenario("a"), "peer", "Traceback: no room")

    assert stream.getvalue() == "a: peer FAILED\nTraceback: no room\n"
