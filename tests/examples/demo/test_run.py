"""The demo's loop, with children that only remember what was done to them."""

from __future__ import annotations

import queue
import signal
from collections.abc import Iterator

import pytest

from demo.events import Answered, ChildEnded, Event, PeerChanged, StopAsked
from demo.plan import Plan, Task
from demo.run import READY_WITHIN_S, Demo, DemoFailed

PLAN = Plan((8000,), 1, "demo-x")
URL = "http://127.0.0.1:8000/"
JOINED = (PeerChanged("interface", "aaaa", "ready", 0.1), PeerChanged("worker", "bbbb", "ready", 0.2))
STOP = StopAsked(signal.SIGINT)


class Child:
    """Starts at once, and ends as soon as it is let go, unless it is stubborn."""

    def __init__(self, task: Task, events: queue.SimpleQueue[Event]) -> None:
        self.task = task
        self.events = events
        self.done: list[str] = []
        self.pid = 100
        self.last_lines = ["the last line"]
        self.age = 60.0
        self.is_stubborn = False

    def age_s(self) -> float:
        return self.age

    def start(self) -> None:
        self.done.append("start")
        self.pid += 1

    def let_go(self) -> None:
        self.done.append("let go")
        if not self.is_stubborn:
            self.events.put(ChildEnded(self.task.name, 0))

    def kill(self) -> None:
        self.done.append("kill")
        self.events.put(ChildEnded(self.task.name, -signal.SIGKILL))


class Stage:
    """A demo of one server and one worker, and what it said and asked."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.server, self.worker = (Child(task, self.events) for task in PLAN.tasks())
        self.said: list[str] = []
        self.asked: list[str] = []
        self.now = 0.0
        children = [self.server, self.worker]
        self.demo = Demo(PLAN, children, self.events, self.asked.append, self.said.append, lambda: self.now)

    def run(self, *events: Event) -> None:
        """Let the demo see *events*, the last of which should end it."""
        for event in events:
            self.events.put(event)
        self.demo.run()


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A demo that has not begun."""
    yield Stage()


def test_asks_when_all_have_joined(stage: Stage) -> None:
    """A server is asked once its node and the workers are in the mesh, and not before."""
    stage.run(JOINED[0], STOP)
    assert stage.asked == []
    stage.run(JOINED[1], *JOINED, STOP)
    assert stage.asked == [URL]


def test_ready_when_all_answer(stage: Stage) -> None:
    """The addresses are printed once a request came back through the mesh."""
    stage.run(*JOINED, Answered(URL, None), STOP)
    assert stage.said[:2] == ["server aaaa joined, 100 ms", "worker bbbb joined, 200 ms"]
    assert URL in stage.said[2]


def test_gives_up(stage: Stage) -> None:
    """A demo that does not become ready in time says who is missing, and quotes everybody."""
    ticks = iter([0.0, READY_WITHIN_S])
    stage.demo._clock = lambda: next(ticks)
    with pytest.raises(DemoFailed, match=r"0 of 1 servers and 0 of 1 workers have joined\.(.|\n)*the last line"):
        stage.run()


def test_unanswered_url_fails(stage: Stage) -> None:
    """A server that cannot be asked ends the demo with the reason."""
    with pytest.raises(DemoFailed, match=r"does not answer \(status 503\)"):
        stage.run(*JOINED, Answered(URL, "status 503"))


def test_early_end_fails(stage: Stage) -> None:
    """A child that ends before all is ready is named, with its exit code and its last lines."""
    with pytest.raises(DemoFailed, match=r"worker 1 \(pid 101\) ended with exit code 3(.|\n)*the last line"):
        stage.run(ChildEnded("worker 1", 3))


def test_killed_worker_is_replaced(stage: Stage) -> None:
    """Once all is ready, a process that was killed is started again, however young it was."""
    stage.worker.age = 0.1
    stage.run(*JOINED, Answered(URL, None), ChildEnded("worker 1", -signal.SIGKILL), STOP)
    assert stage.worker.done == ["start", "start"]
    assert stage.said[-2:] == [
        "worker 1 (pid 101) was ended by SIGKILL; starting another",
        "worker 1 is pid 102 now",
    ]


def test_broken_worker_is_not_replaced_for_ever(stage: Stage) -> None:
    """A process that ends by itself soon after its start would do so again."""
    stage.worker.age = 0.1
    with pytest.raises(DemoFailed, match="exit code 1"):
        stage.run(*JOINED, Answered(URL, None), ChildEnded("worker 1", 1))


def test_stop_lets_go(stage: Stage) -> None:
    """Stopping lets every child end by itself."""
    stage.run(STOP)
    stage.demo.stop()
    assert (stage.server.done, stage.worker.done) == (["start", "let go"], ["start", "let go"])


def test_stop_kills_the_stubborn(stage: Stage) -> None:
    """A child that does not leave in time is ended by force, and named."""
    stage.worker.is_stubborn = True
    stage.run(STOP)
    ticks = iter([0.0, 0.0, 2.3, 2.3, 2.3, 2.4])
    stage.demo._clock = lambda: next(ticks)
    stage.demo.stop()
    assert stage.worker.done[-1] == "kill"
    assert stage.said == ["ending by force: worker 1", "Stopped in 2.4 s."]


def test_second_stop_kills_at_once(stage: Stage) -> None:
    """Whoever presses Ctrl-C twice does not want to wait."""
    stage.worker.is_stubborn = True
    stage.run(STOP)
    stage.events.put(STOP)
    stage.demo.stop()
    assert stage.worker.done[-1] == "kill"


def test_departures_are_told_while_stopping(stage: Stage) -> None:
    """One sees the nodes leave."""
    stage.run(STOP)
    stage.events.put(PeerChanged("worker", "bbbb", "gone", None))
    stage.demo.stop()
    assert "worker bbbb left" in stage.said
