"""
The event loop on which zeroconf works, on a thread that is there before zeroconf is imported.

A script may end while that import goes on, and sends what is left to send then. From the end of its main thread on,
Python 3.12 starts no other one ("can't create new thread at interpreter shutdown", python/cpython#104690); so zeroconf
finds a loop that runs, and starts none itself.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

__all__ = ["LoopThread"]

T = TypeVar("T")


class LoopThread:
    """An event loop on a thread of its own, which lives as long as it has users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held while it ends: the next user begins another one
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def enter(self) -> None:
        """
        Use it from now on; each call needs one of :meth:`leave`. The thread starts now, if there are descriptors left.

        Raises:
            RuntimeError: No thread can be started; there is no leaving then.
        """
        with self._lock:
            with suppress(OSError):  # :meth:`call` tries again
                self._begin()
            self._users += 1

    def leave(self) -> None:
        """Use it no more; with its last user the loop ends. Not on its own thread."""
        with self._lock:
            self._users -= 1
            if not self._users and self._loop is not None:
                self._loop.call_soon_threadsafe(self._over.set)
                self._thread.join()
                self._loop = None

    def call(self, function: Callable[[], T]) -> T:
        """
        Return what *function* returns on the loop, or raise what it raises. For users.

        Raises:
            OSError: There is no loop, for want of descriptors; the next call tries again.
        """

        async def call() -> T:
            return function()

        with self._lock:
            loop = self._begin()
        return asyncio.run_coroutine_threadsafe(call(), loop).result()

    def _begin(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = asyncio.new_event_loop()
            self._over = asyncio.Event()
            self._thread = threading.Thread(target=self._run, args=(loop,), name="zmqlayer-mdns-loop", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                loop.close()
                raise
            self._loop = loop
        return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._stay())

    async def _stay(self) -> None:
        await self._over.wait()
