"""One process of the demo, and the lifeline that ends it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from demo.child import Child
from demo.events import ChildEnded, Event
from demo.plan import PROJECT, Task
from support.demo_run import has_ended

pytestmark = pytest.mark.system

WAITS = Task("waits", "http.server", ("0", "--bind", "127.0.0.1"))
SPEAKS = Task("speaks", "this", ())

LAUNCHER = """
import os, sys
from demo.child import Child
from demo.plan import Task
child = Child(Task("waits", "http.server", ("0", "--bind", "127.0.0.1")), os.environ, lambda event: None)
child.start()
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def events() -> queue.SimpleQueue[Event]:
    """Where children report."""
    return queue.SimpleQueue()


@pytest.fixture
def child(events: queue.SimpleQueue[Event]) -> Iterator[Child]:
    """A process that waits for ever."""
    waiting = Child(WAITS, os.environ, events.put)
    waiting.start()
    yield waiting
    waiting.kill()


def test_keeps_its_last_lines(events: queue.SimpleQueue[Event]) -> None:
    """A child that ended by itself is reported after its last line was read, and the last twelve are kept."""
    shown: list[str] = []
    speaking = Child(SPEAKS, os.environ, events.put, shown.append)
    speaking.start()
    assert events.get(timeout=10) == ChildEnded("speaks", 0)
    speaking.let_go()
    assert len(speaking.last_lines) == 12 and speaking.last_lines[-1].startswith("Namespaces are")
    assert shown[0] == "speaks | The Zen of Python, by Tim Peters"


def test_ends_when_let_go(child: Child, events: queue.SimpleQueue[Event]) -> None:
    """Closing the lifeline is as good as SIGTERM."""
    child.let_go()
    assert events.get(timeout=10) == ChildEnded("waits", -signal.SIGTERM)


def test_ends_with_a_killed_launcher() -> None:
    """A launcher that cannot say goodbye takes its children along."""
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with launcher:
        assert launcher.stdout is not None
        pid = int(launcher.stdout.readline())
        launcher.kill()
    assert has_ended(pid, 5)
