"""Doubles behind the protocols of ``ports.py``: a transport without sockets, a discovery that is told what to find."""

from __future__ import annotations

import os
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from typing import Any

from twisted.internet.task import Clock

from zmqlayer.actions import Action, Probe
from zmqlayer.bell import Bell
from zmqlayer.config import Config
from zmqlayer.descriptors import Descriptors
from zmqlayer.exceptions import TransportError
from zmqlayer.node import Node
from zmqlayer.ports import Announcement, DiscoveryListener, Refusal

__all__ = ["FakeClock", "FakeDiscovery", "FakeReactor", "FakeTransport", "fake_node", "stepping"]


class FakeClock:
    """Monotonic seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeTransport:
    """Collects what it is to carry out, and delivers what tests put in; ``arrive`` ends a wait. Probes are accepted."""

    def __init__(self) -> None:
        self.lost: Counter[str] = Counter()
        self.carried: queue.SimpleQueue[Action] = queue.SimpleQueue()
        self.opens = self.closes = self.disowns = 0
        self.error: TransportError | None = None
        self.has_input = False
        self._probed: list[tuple[str, bool]] = []
        self._descriptors = Descriptors()
        self._bell = Bell(self._descriptors)
        self._input: queue.SimpleQueue[tuple[list[bytes], list[bytes]]] = queue.SimpleQueue()

    def open(self, *, in_batches: bool = False) -> list[tuple[int, int]]:
        if self.error is not None:
            raise self.error
        self.is_in_batches = in_batches
        if self.closes == self.opens > 0:
            self._descriptors = Descriptors()
            self._bell = Bell(self._descriptors)
        self.opens += 1
        return [(1, 2)]

    def refusals(self) -> list[Refusal]:
        return []

    def fileno(self) -> int:
        return self._descriptors.fileno()

    def wait(self, timeout_s: float) -> AbstractSet[int]:
        return self._descriptors.ready(timeout_s)

    def peek(self) -> AbstractSet[int]:
        return frozenset()

    def collect(self, ready: AbstractSet[int]) -> tuple[list[bytes], list[bytes]]:
        self._bell.hush(ready)
        frames: list[bytes] = []
        changes: list[bytes] = []
        with suppress(queue.Empty):
            while True:
                arrived = self._input.get_nowait()
                frames += arrived[0]
                changes += arrived[1]
        return frames, changes

    def probed(self) -> list[tuple[str, bool]]:
        taken, self._probed = self._probed, []
        return taken

    def arrive(self, *frames: bytes, changes: Iterable[bytes] = ()) -> None:
        self._input.put((list(frames), list(changes)))
        self._bell.ring()

    def carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self.carried.put(action)
            if isinstance(action, Probe):
                self._probed.append((action.address, True))
                self.wake()

    def wake(self) -> None:
        self._bell.ring()

    def disown(self) -> None:
        self.disowns += 1

    def close(self, linger_s: float) -> None:
        self.closes += 1
        self._bell.close()
        self._descriptors.close()


class FakeReactor(Clock):
    """A reactor whose calls, those from threads too, wait until they are made."""

    def callFromThread(self, callable: Callable[..., Any], *args: object) -> None:
        """Plan a call."""
        self.callLater(0, callable, *args)

    def turn(self) -> None:
        """Make the calls that are due now, and those that they ask for."""
        while any(call.getTime() <= self.seconds() for call in self.getDelayedCalls()):
            self.advance(0)


class FakeDiscovery:
    """Remembers who listens; settles at once unless told otherwise."""

    def __init__(self, *, settles: bool = True) -> None:
        self.announced: list[Announcement] = []
        self.stops = 0
        self._settles = settles

    def start(self, announcement: Announcement, listener: DiscoveryListener) -> None:
        self.announced.append(announcement)
        self.listener = listener
        if self._settles:
            listener.settled()

    def stop(self) -> None:
        self.stops += 1


def fake_node(kind: type[Node] = Node, *, discovery: FakeDiscovery | None = None, **settings: object) -> Node:
    """Return a node on doubles; they are its attributes ``transport``, ``discovery`` and ``clock``."""
    config = Config.from_settings({"discovery": "off", **settings})
    parts = FakeTransport(), discovery or FakeDiscovery(), FakeClock()
    node = kind(config, "script", ("127.0.0.1",), *parts, os.urandom)
    node.transport, node.discovery, node.clock = parts  # type: ignore[attr-defined]  # for tests to reach them
    return node


@contextmanager
def stepping(node: Node) -> Iterator[None]:
    """Have the node's thread do one step after the other inside the ``with``, though nothing arrives."""
    is_over = threading.Event()

    def step() -> None:
        while not is_over.wait(0.001):
            node.pump.wake()

    thread = threading.Thread(target=step)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
