"""
Clock and timers for a server with thousands of timeouts, most of which never happen. Wraps the reactor.

Each of Twisted's own timers is a large object in one heap, where a cancelled one stays for a while. Here a timer is a
small object in a *bucket* of those that are due at about the same time, and only the first bucket has a call planned at
the reactor. Planning and cancelling cost the same however many there are.

A call is never early. It is late by at most 1/32 of its delay: that is the width of a bucket. Delays below a second go
to the reactor, to the moment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil, frexp, ldexp
from typing import Final

from zmqlayer.interface.options import Reactor, Timer

__all__ = ["Deadlines"]

logger = logging.getLogger(__name__)

PRECISE_S: Final = 1.0
"""Shorter delays are the reactor's own."""

Bucket = dict["Deadline", None]


class Deadline:
    """A call in the future: ``options.Timer``."""

    __slots__ = ("_bucket", "args", "callable")

    def __init__(self, bucket: Bucket, callable: Callable[..., object], args: tuple[object, ...]) -> None:
        self.callable = callable
        self.args = args
        self._bucket: Bucket | None = bucket
        bucket[self] = None

    def active(self) -> bool:
        """See ``options.Timer``."""
        return self._bucket is not None

    def cancel(self) -> None:
        """See ``options.Timer``; may be called twice."""
        if self._bucket is not None:
            del self._bucket[self]
            self._bucket = None


class Deadlines:
    """Timers of one server: ``options.Reactor``."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._buckets: dict[float, Bucket] = {}
        self._dues: list[float] = []  # a heap of the buckets' times
        self._timer: Timer | None = None
        self.seconds = reactor.seconds

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def __repr__(self) -> str:
        return f"<Deadlines [{len(self):,} in {len(self._buckets)} buckets]>"

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> Timer:
        """Call *callable* in *delay* seconds, or up to 1/32 of that later; an exception in it is only logged."""
        if delay < PRECISE_S:
            return self._reactor.callLater(delay, callable, *args)
        width = ldexp(1.0, frexp(delay)[1] - 6)  # a power of two between 1/64 and 1/32 of the delay
        due = ceil((self.seconds() + delay) / width) * width
        bucket = self._buckets.get(due)
        if bucket is None:
            bucket = self._open(due)
        return Deadline(bucket, callable, args)

    def _open(self, due: float) -> Bucket:
        bucket = self._buckets[due] = {}
        heappush(self._dues, due)
        if self._dues[0] == due:
            self._plan()
        return bucket

    def _plan(self) -> None:
        """Have the reactor call for the first bucket. An empty one too: the next deadline mostly falls into it."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._dues:
            self._timer = self._reactor.callLater(max(0.0, self._dues[0] - self.seconds()), self._run)

    def _run(self) -> None:
        now = self.seconds()
        buckets = []
        while self._dues and self._dues[0] <= now:
            buckets.append(self._buckets.pop(heappop(self._dues)))
        self._plan()  # before the calls: whatever they do, those to come are planned
        for bucket in buckets:
            for deadline in tuple(bucket):
                _call(deadline)


def _call(deadline: Deadline) -> None:
    if not deadline.active():  # a call before it cancelled it
        return
    deadline.cancel()
    try:
        deadline.callable(*deadline.args)
    except Exception:
        logger.exception("a timeout failed: %r", deadline.callable)
