"""
``Desks``: the few threads on which the synchronous code of asynchronous views runs. Used by ``handler.py``.

Django runs such code, say middleware that reads a session, in a thread-sensitive thread: one for the whole process, or
one for each request. Behind one thread all requests would queue, and a thread for each would be held by every stream
for as long as it lasts. So there is a small number of them; a request keeps to one, which has database connections of
its own. Only where middleware is a function that calls the view, and so waits for it, has each request a thread.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext
from django.db import connections

__all__ = ["N_DESKS", "Desks"]

N_DESKS: Final = 4


class Desks:
    """Places for synchronous code, taken in turns. Threads start when they are needed."""

    def __init__(self, number: int = N_DESKS) -> None:
        self._turns = itertools.cycle([ThreadSensitiveContext() for _ in range(number)])

    @contextmanager
    def take(self, *, is_held: bool = False) -> Iterator[None]:
        """
        Let the synchronous code of the running task run on the thread whose turn it is, from now on.

        Not where a thread waits for this event loop, as that of a test does: that one runs such code meanwhile.

        Args:
            is_held: Whether that code may wait for the whole view: inside the ``with`` it gets a thread of its own,
                which ends behind it with the connections to databases that it opened.
        """
        if asyncio.get_running_loop() in AsyncToSync.loop_thread_executors:
            yield
            return
        desk = next(self._turns)
        own = ThreadSensitiveContext() if is_held else None
        # Entered and never left: leaving would end the thread, which others use, and wait for it.
        SyncToAsync.thread_sensitive_context.set(own or desk)
        try:
            yield
        finally:
            if own is not None:
                SyncToAsync.thread_sensitive_context.set(desk)
                _close(own)


def _close(own: ThreadSensitiveContext) -> None:
    """End the thread of one request, when it has done what it does, and wait for nothing."""
    executor = SyncToAsync.context_to_thread_executor.pop(own, None)
    if executor is not None:
        executor.submit(connections.close_all)
        executor.shutdown(wait=False)
