"""
How the server closes a connection: what was written is still to be taken, and nothing else is waited for.

Over TLS Twisted waits for the client's own goodbye, without end. A client that keeps an idle connection for later does
not look at it, and says none. The side that closes need not wait (RFC 8446, 6.1; RFC 9112, 9.8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from zmqlayer.interface.clients.kernel import below, untaken_size
from zmqlayer.interface.clients.taking import Patience, Taking
from zmqlayer.interface.options import Reactor

__all__ = ["GOODBYE_S", "Goodbye"]

GOODBYE_S: Final = 1.0
"""How long a client has for its goodbye; and how often to look whether it took everything."""


class Transport(Protocol):
    """What is closed; no producer is registered with it any more."""

    def resumeProducing(self) -> None: ...
    def loseConnection(self) -> None: ...


class Goodbye(Patience):
    """
    Closes one connection.

    Args:
        limit_s: For which the client may take nothing of what was written.
        over: Called when it has; cut the connection then.
    """

    __slots__ = ("_transport",)

    def __init__(self, reactor: Reactor, transport: Transport, limit_s: float, over: Callable[[], object]) -> None:
        super().__init__(reactor, limit_s, lambda: untaken_size(transport), over)
        self._transport = transport

    def start(self) -> None:
        """Close; what the client still sends is to be thrown away."""
        super().start()
        self._transport.resumeProducing()  # or the client's goodbye, and its end, are never read
        self._transport.loseConnection()

    def _look(self) -> None:
        if self._taking is not None and not self._untaken():
            below(self._transport).loseConnection()
        else:
            super()._look()

    def _plan(self, taking: Taking) -> None:
        now = self._reactor.seconds()
        self._timer.start(min(GOODBYE_S, taking.next_look(now) - now), self._look)
