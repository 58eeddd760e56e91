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
from typing import TypeVar

__all__ = ["LoopThread"]

T = TypeVar("T")


class LoopThread:
    """An event loop on a thread of its own, which lives as long as it has users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held while it ends: the next user begins another one
        self._users = 0

    def enter(self) -> None:
        """Use it from now on; each call needs one of :meth:`leave`. Starts the thread, and does not wait for it."""
        with self._lock:
            if not self._users:
                self._has_begun = threading.Event()
                self._thread = threading.Thread(target=self._run, name="zmqlayer-mdns-loop", daemon=True)
                self._thread.start()
            self._users += 1

    def leave(self) -> None:
        """Use it no more; with its last user the loop ends. Not on its own thread."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._has_begun.wait()
                self._loop.call_soon_threadsafe(self._over.set)
                self._thread.join()

    def call(self, function: Callable[[], T]) -> T:
        """Return what *function* returns on the loop, or raise what it raises. For users."""

        async def call() -> T:
            return function()

        self._has_begun.wait()
        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()

    def _run(self) -> None:
        asyncio.run(self._stay())

    async def _stay(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._has_begun.set()
        await self._over.wait()
