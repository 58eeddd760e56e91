"""
The life of a server: it runs until it is told to stop, stops in order, and reads files again when it is told to.

Signals come in, and everything happens on the reactor's thread. ``command`` makes one of these and runs it.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Any, Final

from twisted.internet.defer import Deferred

from zmqlayer.interface.options import Context, Timer
from zmqlayer.interface.serving.health import Health
from zmqlayer.interface.serving.notify import Notifier
from zmqlayer.interface.serving.server import InterfaceServer

__all__ = ["Life"]

logger = logging.getLogger("zmqlayer.interface")


class Stage(Enum):
    """How far a server is. It only moves forward, and may leave stages out."""

    SERVING = auto()
    LEAVING = auto()  # still serving, but not ready any more
    STOPPING = auto()  # the last clients end
    OVER = auto()


class Life:
    """
    One run of a server.

    Args:
        reactor: Twisted's.
        reloads: What SIGHUP calls.
    """

    def __init__(
        self,
        reactor: Any,
        server: InterfaceServer,
        context: Context,
        health: Health,
        notifier: Notifier,
        reloads: Iterable[Callable[[], object]] = (),
    ) -> None:
        self._reactor = reactor
        self._server = server
        self._context = context
        self._health = health
        self._notifier = notifier
        self._reloads = tuple(reloads)
        self._stage = Stage.SERVING
        self._timer: Timer | None = None

    def run(self) -> None:
        """Serve until the end; the server listens already."""
        self.take_signals()
        self._reactor.callWhenRunning(self._notifier.tell, "READY=1")
        self._reactor.run(installSignalHandlers=False)
        self.tell()

    def take_signals(self) -> None:
        """Let signals be calls on the reactor's thread. Twisted's own handlers would log a traceback."""
        for number, call in SIGNALS.items():
            # callFromThread wakes the reactor, which may sleep when the signal comes.
            signal.signal(number, lambda *_, call=call: self._reactor.callFromThread(call, self))

    def stop(self) -> None:
        """End in order: first be not ready, then accept nobody, then wait for clients. If asked again, end at once."""
        if self._stage is not Stage.SERVING:
            logger.info("was told again to stop, and ends at once")
            self._end()
            return
        logger.info("was told to stop; %d connections are open", len(self._server.factory.connections))
        self._stage = Stage.LEAVING
        self._health.is_leaving = True
        self._notifier.tell("STOPPING=1")
        if self._context.options.stop_delay_s:
            self._timer = self._context.reactor.callLater(self._context.options.stop_delay_s, self._close)
        else:
            self._close()

    def reload(self) -> None:
        """Read certificates again, and open log files again."""
        for call in self._reloads:
            call()
        logger.info("read again what can be read while the server runs")

    def tell(self) -> None:
        """Write the counts since the start to the log."""
        faults = self._context.faults.counts
        refused = ", ".join(f"{kind}: {count:,}" for kind, count in sorted(faults.items())) or "none"
        n_open = len(self._server.factory.connections)
        logger.info("%s; %d connections are open; clients refused: %s", self._context.tally, n_open, refused)

    def _close(self) -> None:
        self._stage = Stage.STOPPING
        closed: Deferred[None] = self._server.stop()
        closed.addCallback(lambda _: self._end())

    def _end(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._stage is not Stage.OVER:
            self._stage = Stage.OVER
            self._reactor.stop()


SIGNALS: Final[dict[signal.Signals, Callable[[Life], None]]] = {
    signal.SIGTERM: Life.stop,
    signal.SIGINT: Life.stop,
    signal.SIGHUP: Life.reload,
    signal.SIGUSR1: Life.tell,
}
