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

__all__ = ["new_loop", "run_application"]

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_application(
    application: Application,
    layer: SyncLayer,
    options: AsgiOptions | None = None,
    say: Callable[[str], None] | None = None,
) -> int:
    """
    Run *application* for the connections of a mesh, until SIGTERM, SIGINT or the end of the layer.

    A second signal cuts what is not finished. Signals are heard where this is called on the main thread.

    Args:
        layer: The blocking face of the node to use; it is closed in the end.
        say: Takes the status lines; they go to standard output if there is none.

    Returns:
        The exit status: 0, or 3 if the application said that it cannot start.

    Raises:
        ConfigError: uvloop is asked for, and not installed.
        TransportError: The mesh cannot listen where it should.
    """
    options = options or AsgiOptions()
    loop = new_loop(options.loop)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(_run(application, layer, options, say or _print))
    finally:
        try:
            _tidy(loop)
        finally:
            asyncio.set_event_loop(None)
            loop.close()
            layer.close()


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


async def _run(application: Application, layer: SyncLayer, options: AsgiOptions, say: Callable[[str], None]) -> int:
    worker = AsgiWorker(application, layer, options, say)
    with _stopped_by_signals(worker):
        return await worker.run()


@contextmanager
def _stopped_by_signals(worker: AsgiWorker) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, worker.stop)
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
