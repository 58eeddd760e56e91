"""
Which worker process to start, to end and to give up: what a parent of worker processes decides. Pure.

:class:`Supervision` is told what happened, and when, and returns what to do; ``processes`` does it.

::

                  started          ready             told to end        ended
    (a place) ──────────► STARTING ─────► READY ──────────────► ENDING ──────► (gone)
        ▲                    │              │
        └── at once, or after a pause ──────┘  it ended by itself

A supervision has a number of places, and keeps one process in each. The first one goes ahead: the others start when it
is ready, so that what keeps all of them from starting is said once, and not by each.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

__all__ = ["GIVE_UP_AFTER", "MOST_PAUSE_S", "QUICK_S", "Action", "Deed", "Supervision"]

QUICK_S: Final = 5.0
"""A process that ends sooner after its start may do so again: the next one waits."""

MOST_PAUSE_S: Final = 30.0

GIVE_UP_AFTER: Final = 3
"""How many processes in a row must end alike, none having been ready, until nobody tries again."""


class Deed(Enum):
    """What can be done."""

    START = auto()  # a process at the place ``number``
    END = auto()  # ask the process with the id ``number`` to end
    KILL = auto()  # end it by force
    TELL = auto()  # say a sentence to the operator
    WARN = auto()  # say one that is about something wrong


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do now."""

    deed: Deed
    number: int = 0
    sentence: str = ""


class _Stage(Enum):
    STARTING = auto()
    READY = auto()
    ENDING = auto()


@dataclass(slots=True)
class _Child:
    """
    A process that runs.

    Attributes:
        kill_at: When it is ended by force; None as long as it need not end, and when that was done.
    """

    pid: int
    place: int
    started_at: float
    stage: _Stage = _Stage.STARTING
    kill_at: float | None = None

    @property
    def name(self) -> str:
        return f"worker process {self.place} ({self.pid})"


@dataclass(slots=True)
class _Place:
    """
    A place where one process shall be.

    Attributes:
        start_at: When to start one; None if one is there, or none is wanted.
        n_quick: How many ended soon after their start, one after the other.
    """

    start_at: float | None = None
    n_quick: int = 0

    def pause_s(self) -> float:
        """Return how long the next process waits."""
        return 0.0 if self.n_quick < 2 else min(MOST_PAUSE_S, 2.0 ** (self.n_quick - 2))


@dataclass(slots=True)
class _Step:
    """One step of a restart: a new process starts beside the *old* one, which ends when the new one is ready."""

    old: int
    place: int
    new: int | None = None


class Supervision:
    """
    The processes of one parent.

    Args:
        n_processes: How many to keep running.
        grace_s: How long a process that was asked to end may take.

    Attributes:
        problem: Why no process can be started at all; empty as long as that is not known.
    """

    def __init__(self, n_processes: int, grace_s: float) -> None:
        self.problem = ""
        self._grace_s = grace_s
        self._places = {number: _Place() for number in range(1, n_processes + 1)}
        self._children: dict[int, _Child] = {}
        self._actions: list[Action] = []
        self._is_stopping = False
        self._has_begun = False
        self._stillborn: list[str] = []
        self._restarts: deque[int] = deque()
        self._step: _Step | None = None

    def __repr__(self) -> str:
        state = "stopping" if self._is_stopping else "running"
        return f"<Supervision [{state} | {len(self._children)} of {len(self._places)} processes]>"

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to do."""
        return self._is_stopping and not self._children

    def actions(self, now: float) -> list[Action]:
        """Return what to do now: what followed from events, and what is due."""
        for number, place in self._places.items():
            if place.start_at is not None and place.start_at <= now:
                place.start_at = None
                self._act(Deed.START, number)
        for child in self._children.values():
            if child.kill_at is not None and child.kill_at <= now:
                self._warn(f"{child.name} did not end within {self._grace_s:g} s and is killed")
                self._kill(child)
        taken, self._actions = self._actions, []
        return taken

    def next_deadline(self) -> float | None:
        """Return when to ask for actions again, even if nothing happens."""
        starts = [place.start_at for place in self._places.values()]
        kills = [child.kill_at for child in self._children.values()]
        return min((at for at in (*starts, *kills) if at is not None), default=None)

    def begin(self, now: float) -> None:
        """Let the first process start."""
        self._places[1].start_at = now

    def started(self, place: int, pid: int, now: float) -> None:
        """A process was started at *place*."""
        self._children[pid] = _Child(pid, place, now)
        if self._step is not None and self._step.place == place and self._step.new is None:
            self._step.new = pid

    def not_started(self, place: int, reason: str, now: float) -> None:
        """The system refused to start a process at *place*."""
        self._note_stillborn(f"could not be started: {reason}")
        if self._step is not None and self._step.place == place and self._step.new is None:
            self._cancel_restart(f"a new worker process could not be started: {reason}")
        if not self._is_stopping and not self._is_taken(place):
            self._start_again(place, f"worker process {place} could not be started: {reason}", True, now)

    def ready(self, pid: int, now: float) -> None:
        """A process said that it works."""
        child = self._children.get(pid)
        if child is None or child.stage is not _Stage.STARTING:
            return
        child.stage = _Stage.READY
        if not self._has_begun:
            self._has_begun = True
            for place in self._places.values():
                place.start_at = now
            self._places[child.place].start_at = None
        if self._step is not None and self._step.new == pid:
            old = self._children.get(self._step.old)
            if old is None:
                self._next_step(now)
            else:
                self._end(old, now)

    def ended(self, pid: int, how: str, now: float) -> None:
        """
        A process is gone.

        Args:
            how: How it ended, like ``ended with status 1``.
        """
        child = self._children.pop(pid)
        if self._is_stopping:
            return
        if child.stage is not _Stage.ENDING:
            self._replace(child, how, now)
        if self._step is not None and self._step.old == pid and child.stage is _Stage.ENDING:
            self._next_step(now)

    def restart(self, now: float) -> None:
        """Replace all processes by new ones, one after the other; each old one ends when its successor is ready."""
        if self._is_stopping:
            return
        self._tell("restarting the worker processes, one after the other")
        self._restarts = deque(self._children)
        if self._step is None:
            self._next_step(now)

    def stop(self, now: float) -> None:
        """End all processes: politely, and if called again by force."""
        is_repeated, self._is_stopping = self._is_stopping, True
        if not is_repeated:
            self._tell("stopping the worker processes; a second signal ends them at once")
        for place in self._places.values():
            place.start_at = None
        for child in self._children.values():
            if is_repeated:
                self._kill(child)
            elif child.stage is not _Stage.ENDING:
                self._end(child, now)

    def _replace(self, child: _Child, how: str, now: float) -> None:
        is_successor = self._step is not None and self._step.new == child.pid
        if child.stage is _Stage.STARTING:
            self._note_stillborn(how)
            if is_successor:
                self._cancel_restart(f"the new {child.name} {how} before it was ready")
        if is_successor and self._step is not None:
            self._step.new = None
        if self._is_stopping:
            return
        if self._is_taken(child.place):
            if self._step is not None:  # else this has ended the restart, which was said
                self._warn(f"{child.name} {how}")
        else:
            self._start_again(child.place, f"{child.name} {how}", now - child.started_at < QUICK_S, now)

    def _start_again(self, number: int, sentence: str, is_quick: bool, now: float) -> None:
        place = self._places[number]
        place.n_quick = place.n_quick + 1 if is_quick else 0
        pause_s = place.pause_s()
        place.start_at = now + pause_s
        self._warn(f"{sentence}; another takes its place{f' in {pause_s:g} s' if pause_s else ''}")

    def _is_taken(self, place: int) -> bool:
        return any(child.place == place and child.stage is not _Stage.ENDING for child in self._children.values())

    def _note_stillborn(self, how: str) -> None:
        """Give up if no process was ever ready, and the last ones all ended alike."""
        self._stillborn = [*self._stillborn, how][-GIVE_UP_AFTER:]
        if self._has_begun or len(self._stillborn) < GIVE_UP_AFTER or len(set(self._stillborn)) > 1:
            return
        self._is_stopping = True
        self.problem = f"no worker process can start: {GIVE_UP_AFTER} in a row {how} before they were ready"

    def _next_step(self, now: float) -> None:
        while self._restarts:
            old = self._children.get(self._restarts.popleft())
            if old is not None and old.stage is not _Stage.ENDING:
                self._step = _Step(old.pid, old.place)
                self._places[old.place].start_at = now
                return
        self._step = None
        self._tell("all worker processes are new")

    def _cancel_restart(self, why: str) -> None:
        self._warn(f"{why}: the restart is given up, and the processes that run stay")
        self._step = None
        self._restarts.clear()

    def _end(self, child: _Child, now: float) -> None:
        child.stage = _Stage.ENDING
        child.kill_at = now + self._grace_s
        self._act(Deed.END, child.pid)

    def _kill(self, child: _Child) -> None:
        child.kill_at = None
        self._act(Deed.KILL, child.pid)

    def _tell(self, sentence: str) -> None:
        self._actions.append(Action(Deed.TELL, 0, sentence))

    def _warn(self, sentence: str) -> None:
        self._actions.append(Action(Deed.WARN, 0, sentence))

    def _act(self, deed: Deed, number: int) -> None:
        self._actions.append(Action(deed, number))
