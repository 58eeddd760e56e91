"""
The client's side of one request: collects it, and writes the response. Who answers is decided here.

A request that is in order becomes an :class:`~zmqlayer.interface.conversations.http.Exchange` or a
:class:`~zmqlayer.interface.conversations.websocket.WebSocket`, which speak to the mesh; any other is
refused with a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request, datetimeToString

from zmqlayer.interface.clients.access_log import Entry
from zmqlayer.interface.clients.framing import FrameListener, Frames, FramesFactory
from zmqlayer.interface.clients.handshake import Handshake, read_handshake
from zmqlayer.interface.clients.head import BadRequest, Field, Head, read_head
from zmqlayer.interface.clients.headers import OrderedHeaders
from zmqlayer.interface.clients.pages import error_page, too_large
from zmqlayer.interface.conversations.http import Exchange
from zmqlayer.interface.conversations.translate import Address, Ends
from zmqlayer.interface.conversations.websocket import WebSocket
from zmqlayer.interface.options import Context

__all__ = ["Carrier", "IncomingRequest"]


class Carrier(Protocol):
    """What a request needs of its connection, beyond what Twisted's own class takes."""

    is_congested: bool
    persistent: int

    def isSecure(self) -> bool: ...
    def hold(self, socket: WebSocket) -> None: ...
    def upgrade(self, frames: Frames, head: bytes) -> None: ...
    def release(self) -> None: ...
    def drain(self) -> None: ...
    def abort(self) -> None: ...


class Conversation(Protocol):
    """Who answers a request, as the request sees it."""

    def client_gone(self) -> None:
        """The connection is lost; nothing can be answered any more."""


class IncomingRequest(Request):
    """One request of one client."""

    def __init__(self, carrier: Carrier, context: Context, frames: FramesFactory) -> None:
        super().__init__(cast(HTTPChannel, carrier))
        self.requestHeaders: OrderedHeaders = OrderedHeaders()
        self.responseHeaders: OrderedHeaders = OrderedHeaders()
        self._carrier = carrier
        self._context = context
        self._frames = frames
        self._body: list[bytes] = []
        self._room = context.options.max_message_size
        self._handshake: Handshake | None = None
        self._conversation: Conversation | None = None
        self._is_refused = False

    # What HTTPChannel calls, in this order.

    def parseCookies(self) -> None:
        """Leave cookies to the worker."""

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that is announced as too large before it arrives."""
        if length is not None and length > self._room:
            self.requestHeaders.removeHeader(b"expect")
            self._refuse_body()

    def handleContentChunk(self, data: bytes) -> None:
        """Keep a piece of the body."""
        self._room -= len(data)
        if self._is_refused:
            return
        if self._room < 0:
            self._refuse_body()
        else:
            self._body.append(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Take the whole request."""
        if not self._is_refused:
            self.method, self.uri, self.clientproto = command, path, version
            self.process()

    def process(self) -> None:
        """Find out what the request is, and begin to answer it."""
        body, self._body = b"".join(self._body), []
        try:
            head = read_head(self.method, self.uri, self.clientproto, self.requestHeaders.fields())
            if head.is_websocket:
                self._open_websocket(head, has_body=bool(body))
            else:
                self._open_exchange(head, body)
        except BadRequest as exc:
            self.refuse(exc.status, exc.sentence)

    def connectionLost(self, reason: Failure) -> None:
        """Tell whoever answers that nobody listens."""
        if self._conversation is not None:
            self._conversation.client_gone()
        super().connectionLost(reason)

    # What an Exchange or a WebSocket calls.

    @property
    def is_congested(self) -> bool:
        """Whether the client does not take what was written already."""
        return self._carrier.is_congested

    def begin(self, status: int, fields: Iterable[Field]) -> None:
        """Set status and headers of the response; they leave with the first :meth:`write`."""
        self.setResponseCode(status)
        for name, value in fields:
            self.responseHeaders.addRawHeader(name, value)
        if not self.responseHeaders.hasHeader(b"date"):
            self.responseHeaders.addRawHeader(b"Date", datetimeToString(self._context.reactor.seconds()))

    def refuse(self, status: int, sentence: str) -> None:
        """
        Answer with an error page of one sentence.

        The connection is closed afterwards if the client sent what it should not, or may already have sent frames.
        """
        if status < 500 or self._handshake is not None:
            self._close_afterwards()
        self._write_page(status, sentence)
        self.finish()

    def abort(self) -> None:
        """Cut the connection, so that the client cannot take the response for complete."""
        self._carrier.abort()

    def accept(self, listener: FrameListener) -> Frames:
        """Open the WebSocket that the client asked for; call :meth:`release` when ready for its frames."""
        assert self._handshake is not None  # only a WebSocket calls this, and it was made after the check
        self.setResponseCode(101)
        self._log_access()
        frames = self._frames.open(listener)
        self._carrier.upgrade(frames, self._handshake.canonical_head())
        return frames

    def release(self) -> None:
        """Let the frames of an accepted WebSocket flow."""
        self._carrier.release()

    def log_entry(self) -> Entry:
        """Return what the access log tells of this request."""
        return Entry(
            client=str(getattr(self.client, "host", "-")),
            ended_at=self._context.reactor.seconds(),
            request_line=b" ".join((self.method, self.uri, self.clientproto)) if self.uri.startswith(b"/") else b"-",
            status=self.code,
            size=self.sentLength,
            referer=self.requestHeaders.getRawHeaders(b"referer", [b"-"])[0],
            user_agent=self.requestHeaders.getRawHeaders(b"user-agent", [b"-"])[0],
        )

    def _log_access(self) -> None:
        self.channel.factory.log(self)

    def _open_exchange(self, head: Head, body: bytes) -> None:
        exchange = Exchange(self, self._context, head, self._ends())
        self._conversation = exchange
        exchange.start(body)

    def _open_websocket(self, head: Head, has_body: bool) -> None:
        self._handshake = read_handshake(head, has_body)
        socket = WebSocket(self, self._context, head, self._ends())
        self._conversation = socket
        self._carrier.hold(socket)
        socket.connect()

    def _ends(self) -> Ends:
        return Ends(
            is_secure=self._carrier.isSecure(),
            client=_address(self.client),
            server=_address(self.host),
            root_path=self._context.options.root_path,
        )

    def _refuse_body(self) -> None:
        # The request line is not known here: HTTPChannel tells it with the end of the body.
        self._is_refused = True
        self._body.clear()
        self.clientproto = b"HTTP/1.1"
        self._close_afterwards()
        self._write_page(413, too_large(self._context.options.max_message_size))
        self._log_access()
        self._carrier.drain()

    def _write_page(self, status: int, sentence: str) -> None:
        fields, content = error_page(status, sentence)
        self.begin(status, fields)
        self.write(content)

    def _close_afterwards(self) -> None:
        self._carrier.persistent = 0
        if self.clientproto == b"HTTP/1.1":
            self.responseHeaders.setRawHeaders(b"Connection", [b"close"])


def _address(address: IAddress) -> Address:
    """Return host and port, or None for an address that has none: a UNIX socket's."""
    if isinstance(address, IPv4Address | IPv6Address):
        return [address.host, address.port]
    return None
