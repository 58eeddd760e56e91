"""
Waiters: how a thread or a coroutine sleeps until the node wakes it. A wake carries nothing.

Whoever is woken looks again. So a wake may be given up, passed on or come twice, and no message is ever lost
with a cancelled coroutine or a closed event loop. A :class:`Taker` is given a message with the wake; a coroutine gives
it back if it is cancelled.
"""

from __future__ import annotations

import asyncio
import threading
from asyncio import _get_running_loop as get_running_loop  # the other one raises where none runs
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from zmqlayer.ports import Standing
from zmqlayer.queues import Letter

__all__ = ["LoopTaker", "LoopWaiter", "Taker", "ThreadWaiter", "Waiter", "hand_over", "wake_all"]


class Waiter:
    """Something that sleeps; it is woken once."""

    __slots__ = ()

    def wake(self) -> bool:
        """Wake it, from any thread. Returns False if nobody is there to be woken any more."""
        raise NotImplementedError


class ThreadWaiter(Waiter):
    """A thread."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self, timeout_s: float) -> bool:
        """Sleep at most *timeout_s* seconds, not at all if that is below 0; returns whether it was woken."""
        return self._lock.acquire(timeout=min(max(timeout_s, 0), threading.TIMEOUT_MAX))

    def wake(self) -> bool:
        """Wake the thread."""
        with suppress(RuntimeError):  # it was woken before, and has not slept since
            self._lock.release()
        return True


class LoopWaiter(Waiter):
    """A coroutine on an event loop."""

    __slots__ = ("future", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.future: asyncio.Future[Letter | None] = loop.create_future()

    def wake(self) -> bool:
        """Wake the coroutine."""
        return _wake_on(self.loop, [self])

    def resolve(self) -> None:
        """Resolve the future, on the loop's own thread."""
        if not self.future.done():
            self.future.set_result(None)


class Taker(Standing, Protocol):
    """
    Somebody who waits for one process channel, and is given the next message for it by hand.

    What it is given is removed from the mesh before it looks at it: only its own thread may do that, where nothing but
    a cancellation can come in between.

    Attributes:
        channel: The channel.
    """

    channel: str

    @property
    def given(self) -> Letter | None:
        """What it was given and did not take yet; None if it was only woken, or neither."""

    def give(self, letter: Letter, running: asyncio.AbstractEventLoop | None) -> bool:
        """
        Give it a message. Returns False if that is not possible: it waits no longer, or on another thread.

        Args:
            running: The event loop of asyncio that runs on this thread.
        """

    def wake(self) -> bool:
        """Have it look for a message, as a :class:`Waiter`."""


class LoopTaker(LoopWaiter):
    """
    A coroutine that is a :class:`Taker`.

    Args:
        driver: Who drives on the thread of the loop.
        in_hand: Has the channel from the moment on at which this one is given a message. Whoever awaited its future
            takes it out again, also if he was cancelled and gave the message back.
    """

    __slots__ = ("_in_hand", "channel", "driver")

    def __init__(self, loop: asyncio.AbstractEventLoop, channel: str, driver: object, in_hand: set[str]) -> None:
        self.loop, self.future, self.channel = loop, loop.create_future(), channel
        self.driver, self._in_hand = driver, in_hand

    @property
    def given(self) -> Letter | None:
        """What it was given; None if it was only woken, or neither."""
        return self.future.result() if self.future.done() and not self.future.cancelled() else None

    def give(self, letter: Letter, running: asyncio.AbstractEventLoop | None) -> bool:
        """See :class:`Taker`."""
        future = self.future
        if running is not self.loop or future.done():
            return False
        future.set_result(letter)
        self._in_hand.add(self.channel)
        return True


def hand_over(letter: Letter, takers: Iterable[Taker]) -> list[Taker]:
    """Give *letter* to each of *takers*. Returns those to whom that was not possible."""
    running = get_running_loop()
    return [taker for taker in takers if not taker.give(letter, running)]


def wake_all(waiters: Iterable[Waiter | Taker]) -> list[Waiter | Taker]:
    """Wake *waiters*, each event loop once for all of its own. Returns those whose loop is closed."""
    by_loop: dict[asyncio.AbstractEventLoop, list[LoopWaiter]] = {}
    failed: list[Waiter | Taker] = []
    for waiter in waiters:
        if isinstance(waiter, LoopWaiter):
            by_loop.setdefault(waiter.loop, []).append(waiter)
        elif not waiter.wake():
            failed.append(waiter)
    for loop, group in by_loop.items():
        if not _wake_on(loop, group):
            failed.extend(group)
    return failed


def _wake_on(loop: asyncio.AbstractEventLoop, waiters: list[LoopWaiter]) -> bool:
    try:
        if get_running_loop() is loop:
            _resolve(waiters)
        else:
            loop.call_soon_threadsafe(_resolve, waiters)
    except RuntimeError:  # the loop is closed
        return False
    return True


def _resolve(waiters: list[LoopWaiter]) -> None:
    for waiter in waiters:
        waiter.resolve()
