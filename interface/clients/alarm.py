"""One timer for all deadlines of a connection. Most deadlines are met, so most of the time it is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from zmqlayer.interface.options import Reactor, Timer

__all__ = ["Alarm"]


class Alarm:
    """
    Calls when the first of any number of deadlines has passed.

    Args:
        call: Looks which deadlines have passed, and expects the next one. It may be called when none has.
    """

    __slots__ = ("_at", "_call", "_reactor", "_timer")

    def __init__(self, reactor: Reactor, call: Callable[[], None]) -> None:
        self._reactor = reactor
        self._call = call
        self._timer: Timer | None = None
        self._at = 0.0

    def expect(self, at: float) -> None:
        """Call at *at* at the latest; infinity stands for never."""
        if at == inf:
            return
        if self._timer is not None:
            if self._at <= at:
                return
            self._timer.cancel()
        self._at = at
        self._timer = self._reactor.callLater(max(0.0, at - self._reactor.seconds()), self._ring)

    def cancel(self) -> None:
        """Call no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._call()
