"""
Whether a client takes what is written to it, from one look to the next. :class:`Taking` is pure; time is passed in.

A client may be as slow as it likes, as long as it takes something; one that takes nothing is given up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from zmqlayer.interface.countdown import Countdown
from zmqlayer.interface.options import Reactor

__all__ = ["TOLERANCE_S", "Patience", "Taking"]

LOOKS: Final = 4
"""Within the time that a client has; so it may have a quarter of it more."""
TOLERANCE_S: Final = 0.001
"""A timer may be early by what floating point loses."""


class Taking:
    """
    How long ago a client took something.

    Args:
        limit_s: For which it may take nothing.
        untaken: Bytes that it has not taken yet.
        now: Seconds, on any clock that goes forward.
    """

    __slots__ = ("_limit_s", "_taken_at", "_untaken")

    def __init__(self, limit_s: float, untaken: int, now: float) -> None:
        self._limit_s = limit_s
        self._untaken = untaken
        self._taken_at = now

    def look(self, untaken: int, now: float) -> bool:
        """Take note of what is left, and return whether the time is over."""
        if untaken < self._untaken:
            self._taken_at = now
        self._untaken = untaken
        return now >= self._taken_at + self._limit_s - TOLERANCE_S

    def next_look(self, now: float) -> float:
        """Return when to look again."""
        return min(now + self._limit_s / LOOKS, self._taken_at + self._limit_s)


class Patience:
    """
    Calls once a client has taken nothing for too long.

    Args:
        untaken: Returns how many bytes it has not taken yet.
        over: Called once; there may be a new :meth:`start` afterwards.
    """

    __slots__ = ("_limit_s", "_over", "_reactor", "_taking", "_timer", "_untaken")

    def __init__(
        self, reactor: Reactor, limit_s: float, untaken: Callable[[], int], over: Callable[[], object]
    ) -> None:
        self._reactor = reactor
        self._limit_s = limit_s
        self._untaken = untaken
        self._over = over
        self._timer = Countdown(reactor)
        self._taking: Taking | None = None

    def start(self) -> None:
        """From now on the client is to take something; nothing happens if it already was."""
        if self._taking is None:
            self._taking = Taking(self._limit_s, self._untaken(), self._reactor.seconds())
            self._plan(self._taking)

    def stop(self) -> None:
        """There is nothing to be taken."""
        self._taking = None
        self._timer.stop()

    def _look(self) -> None:
        if self._taking is None:
            return
        if self._taking.look(self._untaken(), self._reactor.seconds()):
            self.stop()
            self._over()
        else:
            self._plan(self._taking)

    def _plan(self, taking: Taking) -> None:
        now = self._reactor.seconds()
        self._timer.start(taking.next_look(now) - now, self._look)
