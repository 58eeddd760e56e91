"""Discovery by mDNS (zeroconf): nodes of one cluster find each other on this machine or this subnet."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from typing import Final

from zmqlayer.discovery.countdown import Countdown
from zmqlayer.discovery.interfaces import read_interfaces
from zmqlayer.discovery.library import import_zeroconf
from zmqlayer.discovery.responder import Responder, shared_responder
from zmqlayer.discovery.settling import Settling
from zmqlayer.discovery.watch import EVERY_S, watch
from zmqlayer.limits import Limits
from zmqlayer.ports import Announcement, DiscoveryListener

__all__ = ["MdnsDiscovery"]

logger = logging.getLogger("zmqlayer.discovery")

STOP_WITHIN_S: Final = 0.5

_REACH: Final = {
    "localhost": "the loopback interface (discovery 'localhost')",
    "subnet": "this machine's network interfaces (discovery 'subnet')",
}


class MdnsDiscovery:
    """
    Announces this node and finds others by mDNS.

    All that takes time (importing zeroconf, opening sockets, announcing, saying goodbye) happens on one
    background thread from beginning to end, which then waits to be stopped: nothing can overlap.

    Args:
        scope: ``"localhost"`` or ``"subnet"``.
        responder: To be used instead of the one that all nodes of this process share.
        limits: How many instances to keep track of.
        every_s: Seconds between two looks at the interfaces of this machine, and before a new attempt.
    """

    def __init__(
        self, scope: str, responder: Responder | None = None, limits: Limits | None = None, every_s: float = EVERY_S
    ) -> None:
        self._scope = scope
        self._limits = limits or Limits()
        self._every_s = every_s
        self._responder = responder
        self._stopping = threading.Event()
        self._has_failed = False
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        is_running = self._thread is not None and self._thread.is_alive()
        return f"<MdnsDiscovery {self._scope} [{'running' if is_running else 'stopped'}]>"

    def start(self, announcement: Announcement, listener: DiscoveryListener) -> None:
        """Begin to announce and to look; see :class:`zmqlayer.ports.Discovery`."""
        responder = self._responder or shared_responder(self._scope)
        responder.loop.enter()
        thread = threading.Thread(
            target=self._run, args=(responder, announcement, listener), name="zmqlayer-mdns", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            responder.loop.leave()
            raise
        self._thread = thread

    def stop(self) -> None:
        """Say goodbye and close. Should that take longer than half a second, it ends in the background."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_WITHIN_S)

    def _run(self, responder: Responder, announcement: Announcement, listener: DiscoveryListener) -> None:
        """Take part until told to stop; whenever that fails, try again after a pause."""
        once = Settling(listener, Countdown(1))
        is_over = False
        with ExitStack() as stack:
            stack.callback(responder.loop.leave)
            while not is_over:
                try:
                    self._take_part(responder, announcement, once)
                except OSError as exc:
                    self._failed(str(exc), once)  # the exception itself would keep sockets alive as long as a record
                is_over = self._stopping.wait(self._every_s)

    def _failed(self, problem: str, listener: DiscoveryListener) -> None:
        if self._stopping.is_set():
            logger.debug("x mDNS did not close cleanly: %s", problem)
            return
        if not self._has_failed:
            self._has_failed = True
            logger.warning(
                "mDNS cannot be used on %s: %s; it is tried again every %g s. Give 'tcp://host:port' of a running node "
                "as a seed instead, or set discovery to 'off' if none is wanted",
                _REACH[self._scope],
                problem,
                self._every_s,
            )
        listener.settled()

    def _opened(self) -> None:
        if self._has_failed:
            self._has_failed = False
            logger.info("mDNS can be used again on %s", _REACH[self._scope])

    def _take_part(self, responder: Responder, announcement: Announcement, listener: DiscoveryListener) -> None:
        import_zeroconf()
        zeroconf = responder.acquire()
        try:
            from zmqlayer.discovery.session import Session  # imports zeroconf: see the class's docstring

            session = Session(zeroconf, self._scope, self._limits, announcement, listener)
            try:
                session.open()
                self._opened()
                watch(self._stopping, read_interfaces, session.refresh, self._every_s)
            finally:
                session.close()
        finally:
            responder.release()
