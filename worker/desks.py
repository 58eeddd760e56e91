"""
``Desks``: the few threads on which the synchronous code of asynchronous views runs. Used by ``handler.py``.

Django runs such code, say middleware that reads a session, in a thread-sensitive thread: one for the whole process, or
one for each request. Behind one thread all requests would queue, and a thread for each would be held by every stream
for as long as it lasts. So there is a small number of them; a request keeps to one, which has database connections of
its own.
"""

from __future__ import annotations

import itertools
from typing import Final

from asgiref.sync import ThreadSensitiveContext

__all__ = ["N_DESKS", "Desks"]

N_DESKS: Final = 4


class Desks:
    """Places for synchronous code, taken in turns. Threads start when they are needed."""

    def __init__(self, number: int = N_DESKS) -> None:
        self._turns = itertools.cycle([ThreadSensitiveContext() for _ in range(number)])

    async def take(self) -> None:
        """Let the synchronous code of the running task, from now on, run on the thread whose turn it is."""
        # Entered and never left: leaving would end the thread, which others use, and wait for it.
        await next(self._turns).__aenter__()  # type: ignore[no-untyped-call]  # asgiref has no annotations here
