"""A parent and its worker processes, with children that only say that they are there."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.cluster import Member

pytestmark = pytest.mark.system

CHILD = Path(__file__).parent.parent / "support" / "child.py"
SOON_S = 20.0

Start = Callable[[int, str], Member]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a file tells children that start later how to behave."""
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start a parent; it ends with the test, and its children with it."""
    members: list[Member] = []

    def start(n_processes: int, conduct: str = "works") -> Member:
        members.append(Member(str(CHILD), str(n_processes), str(folder), conduct))
        return members[-1]

    yield start
    for member in members:
        member.close()


def pids(member: Member) -> list[int]:
    """Return the ids of all children that ever said that they are there."""
    return [int(pid) for pid in re.findall(r"^child \d of \d: (\d+) below", member.output, re.MULTILINE)]


def wait_for_children(member: Member, number: int) -> list[int]:
    """Return the ids of the first *number* children, in the order in which they came; wait until all are there."""
    member.wait_for_line(rf"(?s)(^child \d of \d: .*){{{number}}}", SOON_S)
    return pids(member)


def exists(pid: int) -> bool:
    """Whether there is such a process that still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(*pids: int) -> None:
    """Return when none of the processes runs any more; they are others' children, so their ends make no sound here."""
    deadline = time.monotonic() + SOON_S
    while any(map(exists, pids)):
        assert time.monotonic() < deadline, f"{pids} still run"
        os.sched_yield()


def test_the_parent_keeps_its_id_and_is_small(start: Start) -> None:
    """Whoever started the command knows the parent's id; its memory is a bare interpreter's, not the program's."""
    parent = start(2)

    wait_for_children(parent, 2)

    assert set(re.findall(r"below (\d+)", parent.output)) == {str(parent.pid)}
    status = Path(f"/proc/{parent.pid}/status").read_text()
    resident = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert resident is not None
    assert int(resident[1]) < 24_000


def test_a_child_that_is_killed_is_replaced(start: Start) -> None:
    """The log names it, and the others do not notice."""
    parent = start(2)
    first, second = wait_for_children(parent, 2)

    os.kill(second, signal.SIGKILL)
    third = wait_for_children(parent, 3)[2]

    parent.wait_for_line(rf"^worker process 2 \({second}\) was killed by SIGKILL; another takes its place$")
    assert exists(first)
    assert exists(third)


def test_a_parent_that_is_killed_leaves_nobody(start: Start) -> None:
    """Its children see it, and end in order."""
    parent = start(3)
    children = wait_for_children(parent, 3)

    parent.process.kill()
    wait_until_gone(*children)

    for child in children:
        parent.wait_for_line(rf"^child {child} ends$")


def test_deaf_children_of_a_killed_parent_end_too(start: Start) -> None:
    """Who does not end in order is not there for ever."""
    parent = start(1, "deaf")
    children = wait_for_children(parent, 1)

    parent.process.kill()

    wait_until_gone(*children)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_in_order(start: Start, number: signal.Signals) -> None:
    """The parent asks its children to end, waits for them, and ends with status 0."""
    parent = start(2)
    children = wait_for_children(parent, 2)

    status = parent.end(number, SOON_S)

    assert status == 0
    assert set(re.findall(r"^child (\d+) ends$", parent.output, re.MULTILINE)) == set(map(str, children))


def test_a_second_signal_ends_all_at_once(start: Start) -> None:
    """Who does not want to wait asks again."""
    parent = start(2, "deaf")
    children = wait_for_children(parent, 2)
    begun = time.monotonic()

    parent.process.send_signal(signal.SIGTERM)
    parent.wait_for_line("^stopping the worker processes")
    status = parent.end(signal.SIGTERM, SOON_S)

    assert status == 0
    assert not any(map(exists, children))
    assert time.monotonic() - begun < 5


def test_children_that_cannot_start(start: Start) -> None:
    """The parent gives up with a sentence, below what the children wrote; nobody tries for ever."""
    parent = start(4, "fails")

    status = parent.process.wait(SOON_S)

    parent.wait_for_line(
        r"^no worker process can start: 3 in a row ended with status 7 before they were ready; "
        r"what they wrote stands above$"
    )
    assert status == 1
    assert parent.output.count("this cannot be imported") == 3


def test_hangup_renews_the_children(start: Start) -> None:
    """One after the other: an old one ends when its successor is there."""
    parent = start(2)
    first, second = wait_for_children(parent, 2)

    parent.process.send_signal(signal.SIGHUP)
    parent.wait_for_line(r"^all worker processes are new$")

    third, fourth = pids(parent)[2:]
    seen = re.findall(r"^child (?:\d of \d: )?(\d+) (below|ends)", parent.output, re.MULTILINE)
    assert seen[2:] == [
        (str(third), "below"),
        (str(first), "ends"),
        (str(fourth), "below"),
        (str(second), "ends"),
    ]


def test_hangup_with_a_program_that_is_broken_now(start: Start, folder: Path) -> None:
    """The children that run go on, and the operator is told."""
    parent = start(2)
    children = wait_for_children(parent, 2)
    (folder / "fails").touch()

    parent.process.send_signal(signal.SIGHUP)
    parent.wait_for_line(r"ended with status 7 before it was ready: the restart is given up")

    assert all(map(exists, children))
    assert pids(parent) == children
