"""
``ConsumerLoop``: the one event loop of a worker process, on a thread of its own, for consumers that are coroutines.

It lives as long as the process, so that connection pools and clients which belong to a loop can be kept.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Coroutine
from typing import Any, Final

from zmqlayer.ports import Clock

__all__ = ["DEFAULT_LIMIT", "ConsumerLoop"]

logger = logging.getLogger(__name__)

DEFAULT_LIMIT: Final = 1_000
"""As many as an ASGI worker has. One more holds up the thread that brings it, and so the functions it would run."""
LAST_WORDS_S: Final = 0.1
"""What coroutines that are cancelled have for their ``finally``."""


class ConsumerLoop:
    """
    Runs coroutines of worker threads, a limited number at once. Its thread starts with the first of them.

    Args:
        limit: How many coroutines may run at once. Who brings another one waits, so that the worker takes no more
            messages than it can begin.
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Clock, limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self._clock = clock
        self._running = 0
        self._is_stopped = False
        self._changed = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<ConsumerLoop [{self._running} of at most {self.limit} running]>"

    def spawn(self, coroutine: Coroutine[Any, Any, None], context: contextvars.Context) -> None:
        """
        Run *coroutine* in *context*. Waits while as many run as may; returns when it is about to begin.

        After :meth:`stop` it is cut off before it begins, with a warning.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._running < self.limit or self._is_stopped)
            if self._is_stopped:
                coroutine.close()
                logger.warning("a consumer that is a coroutine came when the worker had stopped, and is cut off")
                return
            self._running += 1
            loop = self._ensure_started()
            loop.call_soon_threadsafe(self._begin, loop, coroutine, context)

    def stop(self, within_s: float) -> bool:
        """
        Let the coroutines end; after *within_s* seconds cancel those that have not. Spawn nothing any more.

        Returns:
            Whether all ended by themselves.
        """
        deadline = self._clock() + within_s
        with self._changed:
            is_in_time = self._changed.wait_for(lambda: not self._running, within_s)
            self._is_stopped = True
            self._changed.notify_all()
        if self._loop is None or self._thread is None or self._loop.is_closed():
            return True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(max(LAST_WORDS_S, deadline - self._clock()))
        return is_in_time

    def _ensure_started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._run, args=(self._loop,), name="consumers", daemon=True)
            self._thread.start()
        return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:  # cancels what is left, and closes the loop
            asyncio.set_event_loop(runner.get_loop())
            loop.run_forever()

    def _begin(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None], context: contextvars.Context
    ) -> None:
        task = loop.create_task(coroutine, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        with self._changed:
            self._running -= 1
            self._changed.notify_all()
        if not task.cancelled() and (exc := task.exception()) is not None:
            logger.error("a message could not be consumed", exc_info=exc)
