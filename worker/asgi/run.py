"""An ASGI worker in this process, from its start to its exit status."""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from zmqlayer.exceptions import ConfigError
from zmqlayer.sync import SyncLayer
from zmqlayer.worker.asgi.options import AsgiOptions
from zmqlayer.worker.asgi.types import Application
from zmqlayer.worker.asgi.worker import AsgiWorker
from zmqlayer.worker.processes import Lifeline

__all__ = ["AsgiService", "new_loop", "run_application"]

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class AsgiService:
    """
    The work of one process: an application, and the layer it has its connections from.

    Args:
        layer: The blocking face of the node to use; it is closed in the end.
        say: Takes the status lines; they go to standard output if there is none.
        lifeline: To the parent of this process, if it has one.
    """

    def __init__(
        self,
        application: Application,
        layer: SyncLayer,
        options: AsgiOptions | None = None,
        say: Callable[[str], None] | None = None,
        lifeline: Lifeline | None = None,
    ) -> None:
        self._application = application
        self._layer = layer
        self._options = options or AsgiOptions()
        self._say = say or _print
        self._lifeline = lifeline
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker: AsgiWorker | None = None
        self._is_stopped = False

    def __repr__(self) -> str:
        return f"<AsgiService of {self._worker or self._options.name!r}>"

    @property
    def ending_s(self) -> float:
        """Seconds that the application may take to end, once it was told to."""
        return self._options.ending_s

    def run(self) -> int:
        """
        Run the application until SIGTERM, SIGINT, :meth:`request_stop` or the end of the layer.

        Signals are heard where this is called on the main thread. A second one cuts what is not finished; but a process
        with a parent is told by both where a whole group of processes is told to stop, and takes it for the first.

        Returns:
            The exit status: 0, or 3 if the application said that it cannot start.

        Raises:
            ConfigError: uvloop is asked for, and not installed.
            TransportError: The mesh cannot listen where it should.
        """
        loop = self._loop = new_loop(self._options.loop)
        asyncio.set_event_loop(loop)
        try:
            return loop.run_until_complete(self._run())
        finally:
            try:
                _tidy(loop)
            finally:
                asyncio.set_event_loop(None)
                loop.close()
                self._layer.close()

    def request_stop(self) -> None:
        """Let :meth:`run` end in order. From any thread, also before it has begun."""
        self._is_stopped = True
        if self._loop is not None and self._worker is not None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._worker.stop)

    async def _run(self) -> int:
        lifeline, ready = self._lifeline, None
        if lifeline is not None:
            lifeline.hold(self.ending_s)
            ready = lifeline.tell_ready
        worker = self._worker = AsgiWorker(self._application, self._layer, self._options, self._say, ready)
        if self._is_stopped:
            worker.stop()
        with _stopped_by_signals(worker, is_child=lifeline is not None):
            return await worker.run()


def run_application(
    application: Application,
    layer: SyncLayer,
    options: AsgiOptions | None = None,
    say: Callable[[str], None] | None = None,
    lifeline: Lifeline | None = None,
) -> int:
    """Run *application* for the connections of a mesh; arguments, result and errors are :class:`AsgiService`'s."""
    return AsgiService(application, layer, options, say, lifeline).run()


def new_loop(kind: str) -> asyncio.AbstractEventLoop:
    """
    Return an event loop: uvloop's if it is asked for, or installed and *kind* is ``auto``.

    Raises:
        ConfigError: It is asked for, and not installed.
    """
    if kind != "asyncio":
        try:
            loop: asyncio.AbstractEventLoop = importlib.import_module("uvloop").new_event_loop()
        except ImportError as exc:
            if kind == "uvloop":
                raise ConfigError("loop", "uvloop is not installed; install it with: pip install uvloop") from exc
        else:
            return loop
    return asyncio.new_event_loop()


@contextmanager
def _stopped_by_signals(worker: AsgiWorker, *, is_child: bool) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def stop() -> None:
        if not (is_child and worker.is_stopping):
            worker.stop()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _tidy(loop: asyncio.AbstractEventLoop) -> None:
    """End what the application left running, without waiting for what will not end."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=1.0))
    with suppress(TimeoutError):
        loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), 1.0))


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    # Who starts workers and reads what they say through a pipe wants it now.
    sys.stdout.flush()
