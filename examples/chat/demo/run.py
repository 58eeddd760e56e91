"""
The demo's life in one thread: start, wait until all answer, keep going, stop.

Children, the mesh, questions and signals put events into one queue; only this loop acts on them.
"""

from __future__ import annotations

import enum
import queue
from collections.abc import Callable, Sequence
from typing import Final

from demo import wording
from demo.child import Child
from demo.events import Answered, ChildEnded, Event, PeerChanged, StopAsked
from demo.plan import Plan
from zmqlayer.ports import Clock

__all__ = ["Demo", "DemoFailed"]

READY_WITHIN_S: Final = 20.0
YOUNG_S: Final = 5.0
"""A child that ends by itself before this age is broken, and starting it again would not help."""
STOP_WITHIN_S: Final = 2.3
KILLED_WITHIN_S: Final = 0.5


class Stage(enum.Enum):
    """How far the demo has come."""

    JOINING = "not all nodes have joined"
    ASKING = "all have joined, not all servers have answered"
    RUNNING = "all is well"


class DemoFailed(Exception):
    """The demo cannot go on; the text says why."""


class Demo:
    """
    Runs a plan's processes until asked to stop.

    Args:
        plan: What to start.
        children: One for each of the plan's tasks.
        events: Where everything that happens comes in.
        ask: Asks a URL in the background and answers with an event.
        say: Prints one line.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        plan: Plan,
        children: Sequence[Child],
        events: queue.SimpleQueue[Event],
        ask: Callable[[str], None],
        say: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._plan = plan
        self._children = {child.task.name: child for child in children}
        self._events = events
        self._ask = ask
        self._say = say
        self._clock = clock
        self._running: set[str] = set()
        self._joined: dict[str, str] = {}
        self._unanswered = set(plan.urls)
        self._stage = Stage.JOINING

    def run(self) -> None:
        """
        Start everything and return when a stop was asked for.

        Raises:
            DemoFailed: Not all became ready in time, or a process broke.
        """
        for child in self._children.values():
            self._start(child)
        give_up_at = self._clock() + READY_WITHIN_S
        while True:
            event = self._next(None if self._stage is Stage.RUNNING else give_up_at)
            if event is None:
                raise DemoFailed(self._describe_missing())
            if isinstance(event, StopAsked):
                return
            self._act(event)

    def stop(self) -> None:
        """Let all children go, and end by force those that take too long."""
        began_at = self._clock()
        for name in self._running:
            self._children[name].let_go()
        if not self._outlast(began_at + STOP_WITHIN_S):
            stuck = sorted(self._running)
            self._say(f"ending by force: {', '.join(stuck)}")
            for name in stuck:
                self._children[name].kill()
            self._outlast(self._clock() + KILLED_WITHIN_S)
        self._say(f"Stopped in {self._clock() - began_at:.1f} s.")

    def _start(self, child: Child) -> None:
        self._running.add(child.task.name)
        child.start()

    def _next(self, deadline: float | None) -> Event | None:
        timeout = None if deadline is None else max(0.0, deadline - self._clock())
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            return None

    def _act(self, event: Event) -> None:
        match event:
            case PeerChanged():
                self._see(event)
            case ChildEnded():
                self._replace(event)
            case Answered():
                self._hear(event)

    def _see(self, change: PeerChanged) -> None:
        self._say(wording.describe_change(change))
        if change.state == "ready":
            self._joined[change.peer] = change.role
        elif change.state == "gone":
            self._joined.pop(change.peer, None)
        if self._stage is Stage.JOINING and self._have_all_joined():
            self._stage = Stage.ASKING
            for url in self._plan.urls:
                self._ask(url)

    def _hear(self, answer: Answered) -> None:
        if answer.problem:
            raise DemoFailed(f"{answer.url} does not answer ({answer.problem}).\n{self._quote_all()}")
        self._unanswered.discard(answer.url)
        if not self._unanswered:
            self._stage = Stage.RUNNING
            self._say(wording.ready(self._plan.urls, [(n, c.pid) for n, c in self._children.items()]))

    def _replace(self, end: ChildEnded) -> None:
        self._running.discard(end.name)
        child = self._children[end.name]
        ended = wording.describe_end(f"{end.name} (pid {child.pid})", end.code)
        is_broken = end.code >= 0 and child.age_s() < YOUNG_S
        if is_broken or self._stage is not Stage.RUNNING:
            raise DemoFailed(f"{ended}, {child.age_s():.1f} s after its start.\n{self._quote(child)}")
        self._say(f"{ended}; starting another")
        self._start(child)
        self._say(f"{end.name} is pid {child.pid} now")

    def _outlast(self, deadline: float) -> bool:
        """Wait until no child runs; False if that took too long, or a stop was asked for again."""
        while self._running:
            event = self._next(deadline)
            if event is None or isinstance(event, StopAsked):
                return False
            if isinstance(event, ChildEnded):
                self._running.discard(event.name)
            elif isinstance(event, PeerChanged):
                self._say(wording.describe_change(event))
        return True

    def _have_all_joined(self) -> bool:
        return self._count("interface") >= len(self._plan.ports) and self._count("worker") >= self._plan.workers

    def _count(self, role: str) -> int:
        return sum(1 for joined in self._joined.values() if joined == role)

    def _describe_missing(self) -> str:
        return (
            f"Not ready after {READY_WITHIN_S:g} s: {self._count('interface')} of {len(self._plan.ports)} servers and "
            f"{self._count('worker')} of {self._plan.workers} workers have joined.\n{self._quote_all()}"
        )

    def _quote(self, child: Child) -> str:
        return wording.quote(child.task.name, child.last_lines)

    def _quote_all(self) -> str:
        return "\n".join(self._quote(child) for child in self._children.values())
