"""Senders and workers under load, and what became of each message: what was accepted, taken, lost, and counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.ledgers import Books, Taken, lost, taken_from
from support.node_process import NodeProcess, Nodes, wait_until

__all__ = ["Load"]

SOON_S = 10.0
JOBS = "jobs"


class Load:
    """
    Senders, which number what they send, and workers, which write down what they take.

    All send to the named channel ``jobs``, and to the process channel of each worker that has one.

    Attributes:
        accepted: By sender and channel, how many messages ``send`` took.
        mail: By worker, the name of its process channel.
    """

    def __init__(self, nodes: Nodes, logs: Path) -> None:
        self._nodes = nodes
        self._logs = logs
        self.senders: dict[str, NodeProcess] = {}
        self.workers: dict[str, NodeProcess] = {}
        self.accepted: dict[str, Counter[str]] = {}
        self.mail: dict[str, str] = {}

    @property
    def everybody(self) -> dict[str, NodeProcess]:
        """Every node."""
        return self.senders | self.workers

    def add_sender(self, name: str, prefix: Sequence[str] = (), **settings: Any) -> NodeProcess:
        """Start a node that sends when it is told."""
        self.senders[name] = self._start(prefix, settings)
        return self.senders[name]

    def add_worker(
        self, name: str, *, threads: int, pause_s: float = 0.0, has_mail: bool = False, prefix: Sequence[str] = (),
        **settings: Any,
    ) -> NodeProcess:  # fmt: skip
        """Start a node that reads ``jobs`` with so many threads, and its process channel with one more."""
        worker = self.workers[name] = self._start(prefix, settings)
        log = str(self._logs / name)
        worker.call("start_readers", channels=[JOBS], log=log, threads=threads, pause_s=pause_s)
        if has_mail:
            self.mail[name] = worker.call("new_channel", pattern="mail!")
            worker.call("start_readers", channels=[self.mail[name]], log=log)
        return worker

    def send(self, count: int) -> None:
        """Let each sender send *count* jobs at once."""
        for name, sender in self.senders.items():
            outcome = sender.call("fill", channel=JOBS, attempts=count, sender=name)
            self.accepted.setdefault(name, Counter())[JOBS] += outcome["accepted"]

    def start(self, every_s: float = 0.002) -> None:
        """Let all senders send to all channels until :meth:`stop`."""
        for name, sender in self.senders.items():
            sender.call("start_flow", channels=[JOBS, *self.mail.values()], sender=name, every_s=every_s)

    def stop(self) -> None:
        """Let them send no more."""
        self.accepted |= {name: Counter(sender.call("stop_flow")) for name, sender in self.senders.items()}

    def taken(self, *workers: str, since: float = 0.0) -> list[Taken]:
        """Return what workers took: those named, or all; and from which monotonic second on."""
        return taken_from(*(self._logs / name for name in workers or self.workers), since=since)

    def wait_for(self, count: int, *workers: str) -> None:
        """Wait until so much more was taken."""
        enough = len(self.taken(*workers)) + count
        wait_until(lambda: len(self.taken(*workers)) >= enough, SOON_S, f"{count} are taken by {workers or 'all'}")

    def wait_until_done(self, *names: str) -> None:
        """Wait until none of these nodes, or of the senders, holds a message."""
        for name in names or self.senders:
            node = self.everybody[name]
            wait_until(lambda node=node: node.call("in_flight") == 0, SOON_S, f"{name} holds nothing")

    @property
    def lost(self) -> set[Taken]:
        """What was accepted and nobody took."""
        return lost(self.accepted, self.taken())

    def books(self, name: str) -> Books:
        """Return what a node says of itself."""
        return Books(self.everybody[name].call("statistics"))

    @property
    def counted(self) -> int:
        """How many messages the senders know to be lost."""
        return sum(self.books(name).dropped for name in self.senders)

    def wait_until_linked(self, within_s: float) -> None:
        """Wait until each node sees each other as ready."""
        everybody, deadline = {"ready": len(self.everybody) - 1}, time.monotonic() + within_s

        def is_linked(node: NodeProcess) -> bool:
            return Counter(node.call("peers").values()) == everybody

        for name, node in self.everybody.items():
            wait_until(lambda node=node: is_linked(node), deadline - time.monotonic(), f"{name} is linked to all")

    def sees(self, name: str, other: str) -> str:
        """Return the state of a peer in the eyes of a node, or "" if it does not know it."""
        other_id = self.everybody[other].call("node_id")
        return str(self.everybody[name].call("peers").get(other_id, ""))

    def _start(self, prefix: Sequence[str], settings: dict[str, Any]) -> NodeProcess:
        if prefix:
            return self._nodes.start(prefix=prefix, **settings)
        return self._nodes.start(*self.everybody.values(), **settings)
