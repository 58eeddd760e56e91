"""How a program is started again, how a process finds its lifeline, and words for its end."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from zmqlayer.worker.processes import VARIABLE, CannotRepeat, Lifeline, describe_end, own_command, parent_command


@pytest.mark.parametrize(
    "original",
    [
        ["python", "manage.py", "runworker", "--processes", "4"],
        ["python3", "-X", "dev", "-m", "django", "runworker", "--processes=4"],
        ["/srv/venv/bin/python", "/srv/venv/bin/zmqlayer", "worker", "site.asgi:application"],
        ["python", "-m", "zmqlayer.cli.main", "worker", "site.asgi:application"],
        ["python", "-c", "import site; site.run()"],
    ],
)
def test_a_command_is_started_again(original: list[str]) -> None:
    """With the same interpreter, the interpreter's own flags, and all arguments as they were."""
    assert own_command("/srv/venv/bin/python", original) == ["/srv/venv/bin/python", *original[1:]]


@pytest.mark.parametrize("original", [["python"], ["python", "-"], []])
def test_a_program_without_a_file_cannot_be_started_again(original: list[str]) -> None:
    """What came by standard input is gone; that is a sentence."""
    with pytest.raises(CannotRepeat, match="not started from a file or a module"):
        own_command("/srv/venv/bin/python", original)


def test_the_parent_runs_without_the_command() -> None:
    """Its command line is a small program of ours; what it is to run comes behind."""
    command = parent_command(3, 10.0, ["python", "manage.py", "runworker"])

    assert command[:3] == [sys.executable, "-IS", "-c"]
    assert command[-5:] == ["3", "15.0", "python", "manage.py", "runworker"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with status 0"),
        (3, "ended with status 3"),
        (-9, "was killed by SIGKILL"),
        (-40, "was killed by signal 40"),
    ],
)
def test_an_end_has_words(status: int, words: str) -> None:
    """A status, or the name of the signal."""
    assert describe_end(status) == words


def test_a_child_takes_its_lifeline() -> None:
    """Once: what the child starts in its turn is no child of this parent, and does not hold the line open."""
    ours, theirs = socket.socketpair()
    number = theirs.detach()
    os.set_inheritable(number, True)
    environ = {VARIABLE: f"{number} 2 4", "HOME": "/"}

    lifeline = Lifeline.take(environ)

    assert lifeline is not None
    assert (lifeline.place, lifeline.n_places, environ) == (2, 4, {"HOME": "/"})
    assert not os.get_inheritable(number)
    with ours:
        ours.settimeout(5)
        lifeline.tell_ready()
        assert ours.recv(10) == b"r"
    os.close(number)


def test_ready_is_told_to_nobody() -> None:
    """A parent that is gone is no reason to fail."""
    ours, theirs = socket.socketpair()
    ours.close()

    with theirs:
        Lifeline(theirs.fileno(), 1, 1).tell_ready()


@pytest.mark.parametrize("value", [None, "", "words and more", "7", "99999 1 2"])
def test_a_process_without_a_lifeline(value: str | None) -> None:
    """Who was not started by a parent is no child, whatever the environment holds."""
    assert Lifeline.take({} if value is None else {VARIABLE: value}) is None


def test_a_number_that_is_no_socket(tmp_path: Path) -> None:
    """A variable that was copied from somewhere names some file."""
    with (tmp_path / "file").open("w") as file:
        assert Lifeline.take({VARIABLE: f"{file.fileno()} 1 2"}) is None
