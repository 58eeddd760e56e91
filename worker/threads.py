"""``WorkerGroup``: the threads of a worker process, supervised and stopped in order."""

from __future__ import annotations

import logging
import queue
import threading
from contextlib import suppress
from typing import Final

from django import urls
from django.conf import settings

from zmqlayer.exceptions import LayerClosed
from zmqlayer.messages import HTTP_RESPONSE_PREFIX
from zmqlayer.ports import Clock
from zmqlayer.worker.worker import Worker

__all__ = ["WorkerGroup"]

logger = logging.getLogger(__name__)

GRACE_S: Final = 1.5
GIVE_UP_S: Final = 0.3
WAKE_EVERY_S: Final = 0.02
REPLACE_AFTER_S: Final = 0.5


class WorkerGroup:
    """
    Runs one worker in several threads until told to stop, and replaces threads that die.

    Call :meth:`start`, then :meth:`wait` from the main thread until it returns True, then :meth:`stop`.

    Args:
        worker: Shared by all threads.
        n_threads: How many messages are consumed at once.
        abandon: Set when consumers must stop waiting for full channels; ``worker.patience`` pauses on it.
        clock: Monotonic seconds.
        grace_s: How long :meth:`stop` lets consumers finish; ``GRACE_S`` if None.
    """

    def __init__(
        self, worker: Worker, n_threads: int, abandon: threading.Event, clock: Clock, grace_s: float | None = None
    ) -> None:
        self.worker = worker
        self.n_threads = n_threads
        self._grace_s = grace_s
        self._abandon = abandon
        self._clock = clock
        self._started = 0
        self._threads: set[threading.Thread] = set()
        # A SimpleQueue, because its put() may be called in a signal handler that interrupts its own get().
        # It carries threads that died; None asks to stop.
        self._events: queue.SimpleQueue[threading.Thread | None] = queue.SimpleQueue()

    def __repr__(self) -> str:
        return f"<WorkerGroup [{len(self._alive())} of {self.n_threads} threads]>"

    def start(self) -> None:
        """Start the threads."""
        for _ in range(self.n_threads):
            self._start_thread()

    def request_stop(self) -> None:
        """Make :meth:`wait` return True. For signal handlers: does nothing else, and never blocks."""
        self._events.put(None)

    def wait(self, timeout_s: float | None = None) -> bool:
        """
        Replace threads that die, until a stop is requested.

        Returns:
            Whether a stop was requested; False when *timeout_s* has passed.
        """
        deadline = None if timeout_s is None else self._clock() + timeout_s
        while True:
            left_s = None if deadline is None else max(0.0, deadline - self._clock())
            try:
                dead = self._events.get(timeout=left_s)
            except queue.Empty:
                return False
            if dead is None:
                return True
            self._threads.discard(dead)
            self._start_thread()

    def stop(self) -> bool:
        """
        Let the threads and the worker's event loop finish their messages, within *grace_s* and a little more.

        What is left of that time is for clients that are slow to take what was sent to them: their servers cut a
        response whose worker leaves before that.

        Returns:
            Whether all have ended. Those that have not are daemons, so the process can end without them.
        """
        grace_s = GRACE_S if self._grace_s is None else self._grace_s
        deadline = self._clock() + grace_s
        self._join(grace_s)
        is_idle = self.worker.loop is None or self.worker.loop.stop(max(0.0, deadline - self._clock()))
        self._abandon.set()
        self._join(GIVE_UP_S)
        with suppress(LayerClosed):
            self.worker.channel_layer.wait_until_read(HTTP_RESPONSE_PREFIX, max(0.0, deadline - self._clock()))
        left = self._alive()
        if left:
            logger.warning("%d consumers did not end in time and are cut off", len(left))
        return is_idle and not left

    def _join(self, within_s: float) -> None:
        deadline = self._clock() + within_s
        while self._alive() and self._clock() < deadline:
            # Again and again: a thread may have been on its way into receive() the last time.
            self.worker.stop()
            for thread in self._alive():
                thread.join(WAKE_EVERY_S)

    def _alive(self) -> list[threading.Thread]:
        return [thread for thread in self._threads if thread.is_alive()]

    def _start_thread(self) -> None:
        self._started += 1
        thread = threading.Thread(target=self._run, name=f"worker-{self._started}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _run(self) -> None:
        thread = threading.current_thread()
        urls.set_script_prefix(settings.FORCE_SCRIPT_NAME or "/")  # django.setup() did so for its own thread only
        try:
            self.worker.run()
        except BaseException:
            # Also SystemExit, which a consumer may raise and which would end this thread in silence.
            logger.exception("%s died; another takes its place", thread.name)
            self._abandon.wait(REPLACE_AFTER_S)
            self._events.put(thread)
            return
        if not self.worker.is_stopping:
            logger.error("the layer was closed under the worker: stopping")
            self._events.put(None)
