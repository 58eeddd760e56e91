"""Connections too many from one address: told so, and closed; or only closed. Used by ``factory``."""

from __future__ import annotations

from typing import Final, cast

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from zmqlayer.interface.clients.connection import Transport
from zmqlayer.interface.clients.dates import http_date
from zmqlayer.interface.clients.floods import Floods
from zmqlayer.interface.clients.goodbye import GOODBYE_S, Goodbye
from zmqlayer.interface.clients.pages import own_page
from zmqlayer.interface.clients.responses import Response
from zmqlayer.interface.countdown import Countdown
from zmqlayer.interface.options import Context

__all__ = ["Shut", "TurnedAway"]

PATIENCE_S: Final = 2.0
"""How long the client may take to ask and to read; what it asks does not matter."""


class TurnedAway(Protocol):
    """Answers whatever comes first with 503, and closes."""

    def __init__(self, context: Context, address: str, floods: Floods) -> None:
        self._context = context
        self._address = address
        self._floods = floods
        self._timer = Countdown(context.reactor)
        self._goodbye: Goodbye | None = None
        self._has_answered = False

    def connectionMade(self) -> None:
        self._timer.start(PATIENCE_S, self._close)

    def dataReceived(self, data: bytes) -> None:
        if not self._has_answered:
            self._has_answered = True
            self._answer()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._floods.leave(self._address)
        self._timer.stop()
        goodbye, self._goodbye = self._goodbye, None  # it knows this protocol: see Connection.connectionLost()
        if goodbye is not None:
            goodbye.stop()

    def _answer(self) -> None:
        if getattr(self.transport, "negotiatedProtocol", None) == b"h2":  # not worth a page in that language
            self._close()
            return
        fields, content = own_page(503, "Your address has too many connections open. Please close some.")
        dated = [*fields, (b"Date", http_date(self._context.reactor.seconds()))]
        transport = cast(Transport, self.transport)
        transport.write(Response().head(503, dated, has_content=True) + content)

    def _close(self) -> None:
        if self._goodbye is None:
            transport = cast(Transport, self.transport)
            self._goodbye = Goodbye(self._context.reactor, transport, GOODBYE_S, transport.abortConnection)
            self._goodbye.start()


class Shut(Protocol):
    """
    Closes at once, without a word.

    It is there for factories around ours, as TLS has one: they cannot do with no protocol at all.
    """

    def connectionMade(self) -> None:
        cast(Transport, self.transport).loseConnection()
