"""
An event loop that drives a node: it watches the node's descriptor among its own, so that what arrives for a coroutine,
or for a connection of the same loop, needs no other thread to bring it there.

For loops that live long. ``twisted.py`` has a reactor drive, ``receiving.py`` a loop of asyncio on which coroutines
receive; see ``docs/decisions/065-who-drives-a-node.md``.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from zmqlayer.node import Node
from zmqlayer.pump import Pump

__all__ = ["LoopDriver", "LoopReactor", "Reactor", "let_drive"]

SETTLED_AFTER_S: Final = 1.0
"""A loop that waited for messages so long ago, and does so again, is one that lives long."""

_first_waits: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, float]] = weakref.WeakKeyDictionary()


class Reactor(Protocol):
    """What is used of a Twisted reactor. :class:`LoopReactor` has the same for an event loop of asyncio."""

    def callFromThread(self, callable: Callable[..., Any], *args: object) -> Any:
        """Call on the reactor's thread, from any thread."""

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object) -> Any:
        """Call on the reactor's thread after *delay* seconds."""

    def addReader(self, reader: Any) -> Any:
        """Call ``doRead`` of *reader* on the reactor's thread whenever its ``fileno`` is readable."""

    def removeReader(self, reader: Any) -> Any:
        """Call it no more."""


class LoopDriver:
    """
    Drives the pump of one node from one event loop.

    Attributes:
        is_driving: Whether it has begun and was not told to stop.
        is_stepping: Whether it is at a step just now.
        thread: The identifier of the loop's thread.
        loop: It, if it is one of asyncio that is known as such.
    """

    def __init__(self, pump: Pump, reactor: Reactor, on_end: Callable[[], None] = lambda: None) -> None:
        self.is_driving = False
        self.is_stepping = False
        self._pump = pump
        self._reactor = reactor
        self._on_end = on_end
        self.thread = threading.get_ident()
        self.loop = reactor.loop if isinstance(reactor, LoopReactor) else None
        self._descriptor = -1
        self._close: Callable[[], object] = lambda: None
        self._timer: Any = None
        self._goes_on = False
        self._wakes_at = float("inf")

    def start(self) -> bool:
        """Begin, on the loop's own thread; False if somebody else drives."""
        if not self._pump.lend(self):
            return False
        self.thread = threading.get_ident()
        try:
            # The node may close its own before the loop hears of the end, and the loop may never hear of it.
            self._descriptor = os.dup(self._pump.fileno())
            self._close = weakref.finalize(self, os.close, self._descriptor)
            self._reactor.addReader(self)
        except BaseException:
            self._pump.take_back()
            self._close()
            raise
        self.is_driving = True
        self._step()
        return True

    def stop(self) -> None:
        """Drive no more; from any thread."""
        if self.is_here:
            self._end()
        else:
            self._reactor.callFromThread(self._end)

    @property
    def is_here(self) -> bool:
        """Whether this is the loop's thread."""
        return threading.get_ident() == self.thread

    # What a reactor asks of a reader

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._descriptor

    def doRead(self) -> None:
        """Something has arrived."""
        self._step()

    def logPrefix(self) -> str:
        """Name this reader in the reactor's log."""
        return "zmqlayer"

    def connectionLost(self, reason: object) -> None:
        """The reactor stops: the node's own thread goes on."""
        self._pump.take_back()
        self._end()

    # Inside

    def _step(self) -> None:
        if not self.is_driving or self._pump.is_closed:  # closed in a child that was forked, too
            return
        self.is_stepping = True
        try:
            sleep_s = self._pump.step(self._pump.wait(0))
        finally:
            self.is_stepping = False
        if sleep_s <= 0:
            if not self._goes_on:
                self._goes_on = True
                self._reactor.callLater(0, self._go_on)  # others have a turn in between
        else:
            self._wake_in(sleep_s)

    def _wake_in(self, sleep_s: float) -> None:
        """See that the loop turns in so many seconds. A timer that comes too early is left: moving it costs more."""
        wakes_at = time.monotonic() + sleep_s
        if wakes_at < self._wakes_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._reactor.callLater(sleep_s, self._ring)
            self._wakes_at = wakes_at

    def _go_on(self) -> None:
        self._goes_on = False
        self._step()

    def _ring(self) -> None:
        self._timer, self._wakes_at = None, float("inf")
        self._step()

    def _end(self) -> None:
        if not self.is_driving:
            return
        self.is_driving = False
        self._reactor.removeReader(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._close()
        self._on_end()
        self._pump.wake()  # what the last step left to be done is for others


class LoopReactor:
    """
    A reactor whose thread is that of an event loop.

    Args:
        loop: It need not run yet. Calls after its end are dropped.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    def callFromThread(self, callable: Callable[..., Any], *args: object) -> None:
        """Call on the loop's thread, from any thread."""
        with suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(callable, *args)

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object) -> asyncio.Handle:
        """Call on the loop's thread after *delay* seconds; from that thread only."""
        return self.loop.call_later(delay, callable, *args) if delay else self.loop.call_soon(callable, *args)

    def addReader(self, reader: Any) -> None:
        """Call ``doRead`` of *reader* whenever its ``fileno`` is readable."""
        self.loop.add_reader(reader.fileno(), reader.doRead)

    def removeReader(self, reader: Any) -> None:
        """Call it no more."""
        if not self.loop.is_closed():
            self.loop.remove_reader(reader.fileno())


def let_drive(node: Node, loop: asyncio.AbstractEventLoop) -> None:
    """
    A coroutine is about to wait for a message on *loop*: let the loop drive *node* if nobody else does.

    Not at once: a loop that ends with the call that it was made for, as those of ``async_to_sync``, is none to rely on.
    """
    if node.pump.is_driven:
        return
    now = time.monotonic()
    if now - _first_waits.setdefault(loop, now) >= SETTLED_AFTER_S:
        with suppress(NotImplementedError):  # a loop that watches no descriptors
            LoopDriver(node.pump, LoopReactor(loop)).start()
