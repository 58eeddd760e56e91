"""
One request of one client, and the response to it. Who answers is decided here.

A request that is in order becomes an :class:`~zmqlayer.interface.conversations.http.Exchange` or a
:class:`~zmqlayer.interface.conversations.websocket.WebSocket`, which speak to the mesh; any other is refused with a
sentence. A codec drives it as a ``streams.Receiver``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from zmqlayer.interface.clients.access_log import Entry
from zmqlayer.interface.clients.dates import http_date
from zmqlayer.interface.clients.framing import Frames
from zmqlayer.interface.clients.handshake import Handshake, read_handshake
from zmqlayer.interface.clients.head import BadRequest, Field, Head
from zmqlayer.interface.clients.hosts import is_allowed_host
from zmqlayer.interface.clients.pages import own_page
from zmqlayer.interface.clients.proxies import Seen
from zmqlayer.interface.clients.streams import Carrier, Socket, Stream
from zmqlayer.interface.clients.wire import Origin
from zmqlayer.interface.conversations.http import Exchange
from zmqlayer.interface.conversations.translate import Ends
from zmqlayer.interface.conversations.websocket import WebSocket
from zmqlayer.interface.options import Context
from zmqlayer.messages import NO_CONTENT

__all__ = ["Request"]

LENGTHS: Final[Mapping[int, tuple[Field, ...]]] = {204: (), 205: ((b"Content-Length", b"0"),)}
"""What a status has for a Content-Length, whatever the worker says (RFC 9110, 8.6 and 15.3.6)."""


class Conversation(Protocol):
    """Who answers a request, as the request sees it."""

    def received(self, data: bytes) -> None:
        """A piece of the body arrived."""

    def completed(self) -> None:
        """The body is complete."""

    def client_gone(self) -> None:
        """Nothing can be answered any more."""

    def pauseProducing(self) -> None:
        """The client is slow: write no more for now."""

    def resumeProducing(self) -> None:
        """Go on writing."""

    def stop(self) -> None:
        """The server stops."""


class Request:
    """
    One request: a ``streams.Receiver`` to its codec, and the way back to the client for who answers.

    Attributes:
        line: The request line, for the access log; the codec sets it once it is known.
        is_to_head: Whether the method is HEAD, whose answer has no content; the codec says so before it refuses.

    Args:
        carrier: The connection, if it can become a WebSocket.
    """

    __slots__ = (
        "_began_at",
        "_carrier",
        "_context",
        "_conversation",
        "_handshake",
        "_head",
        "_is_over",
        "_origin",
        "_size",
        "_status",
        "_stream",
        "is_to_head",
        "line",
    )

    def __init__(self, stream: Stream, context: Context, origin: Origin, carrier: Carrier | None = None) -> None:
        self.line = b"-"
        self.is_to_head = False
        self._began_at = context.reactor.seconds()
        self._stream = stream
        self._context = context
        self._origin = origin
        self._carrier = carrier
        self._head: Head | None = None
        self._handshake: Handshake | None = None
        self._conversation: Conversation | None = None
        self._is_over = False
        self._status = 0
        self._size = 0

    @property
    def has_begun(self) -> bool:
        """Whether the head of the response was sent."""
        return bool(self._status)

    @property
    def is_two_way(self) -> bool:
        """Whether an answer is of no use to a client that sends nothing more: it asks for a WebSocket."""
        return self._handshake is not None

    # What the codec calls, besides refuse().

    def open(self, head: Head) -> None:
        """See ``streams.Receiver``."""
        self._head = head
        self.is_to_head = head.method == "HEAD"
        if self._context.probe is not None and self._answer_probe(head):
            return
        try:
            self._converse(head)
        except BadRequest as exc:
            self.refuse(exc.status, exc.sentence, exc.fault)

    def received(self, data: bytes) -> None:
        """See ``streams.Receiver``."""
        if self._conversation is not None and not self._is_over:
            self._conversation.received(data)

    def completed(self) -> None:
        """See ``streams.Receiver``."""
        if self._conversation is not None and not self._is_over:
            self._conversation.completed()

    def spoiled(self, status: int, sentence: str, fault: str) -> None:
        """See ``streams.Receiver``."""
        if self._is_over:
            return
        if self._conversation is not None:
            self._conversation.client_gone()
        if self._status:  # too late for a page
            self._note(fault)
            self.abort()
        else:
            self.refuse(status, sentence, fault)

    def lost(self) -> None:
        """See ``streams.Receiver``."""
        if self._is_over:
            return
        conversation = self._conversation
        self._close_books()
        if conversation is not None:
            conversation.client_gone()

    def congested(self) -> None:
        """See ``streams.Receiver``."""
        if self._conversation is not None:
            self._conversation.pauseProducing()

    def relieved(self) -> None:
        """See ``streams.Receiver``."""
        if self._conversation is not None:
            self._conversation.resumeProducing()

    def stop(self) -> None:
        """See ``streams.Receiver``."""
        if self._conversation is not None:
            self._conversation.stop()

    # What an Exchange or a WebSocket calls. Once the response is complete, or the client gone, it has no effect.

    @property
    def is_congested(self) -> bool:
        """Whether the client does not take what was written already."""
        return self._stream.is_congested

    def invite_body(self) -> None:
        """Let the client know that its body is welcome, if it waits to hear so."""
        if not self._is_over:
            self._stream.invite_body()

    def pause_body(self) -> None:
        """Let the client wait: take no more of the body. What was read already may still be received."""
        if not self._is_over:
            self._stream.pause_body()

    def resume_body(self) -> None:
        """Take the body again."""
        if not self._is_over:
            self._stream.resume_body()

    def begin(self, status: int, fields: Iterable[Field], content: bytes = b"") -> None:
        """Send status and headers of the response, and the first piece of its content."""
        self._begin(status, fields, content)

    def write(self, data: bytes) -> None:
        """Send a piece of the content; an empty one does nothing."""
        if not self._is_over:
            self._size += len(data)
            self._stream.send_content(data)

    def finish(self) -> None:
        """The response is complete."""
        if not self._is_over:
            self._close_books()
            self._stream.end()

    def refuse(self, status: int, sentence: str, fault: str = "") -> None:
        """
        Answer with an error page of one sentence.

        An HTTP/1 connection is closed afterwards if the client sent what it should not, or may have sent frames.

        Args:
            fault: What the client did wrong, as ``Faults.note`` counts it; empty if nothing.
        """
        if self._is_over:
            return
        if fault:
            self._note(fault)
        is_last = status < 500 or bool(fault) or self._handshake is not None
        self._write_page(status, sentence, is_last=is_last)

    def abort(self) -> None:
        """Cut it off, so that the client cannot take the response for complete."""
        if not self._is_over:
            self._close_books()
            self._stream.abort()

    def accept(self, socket: Socket, subprotocol: str, fields: Iterable[Field]) -> Frames:
        """Open the WebSocket that the client asked for; call :meth:`release` when ready for its frames."""
        assert self._handshake is not None  # only a WebSocket calls this, and it was made after the check
        assert self._carrier is not None
        self._status = 101
        self._close_books()
        return self._carrier.upgrade(socket, self._handshake.answer(subprotocol, fields), self._handshake.compression)

    def release(self) -> None:
        """Let the frames of an accepted WebSocket flow."""
        assert self._carrier is not None  # see accept()
        self._carrier.release()

    def _answer_probe(self, head: Head) -> bool:
        """Answer a request for one of the server's own paths; return whether it was one."""
        assert self._context.probe is not None  # open() looks
        answer = self._context.probe(head.path)
        if answer is None:
            return False
        self._write_page(*answer, is_last=False)
        return True

    def _look_behind(self, head: Head) -> tuple[Head, Ends]:
        """Return the head and its ends as the client has them, whatever proxies are between."""
        origin, is_secure, root_path = self._origin, self._stream.is_secure, self._context.options.root_path
        if self._context.proxies is not None:
            seen = self._context.proxies.look_behind(Seen(head, origin, is_secure, root_path))
            head, origin, is_secure, root_path = seen.head, seen.origin, seen.is_secure, seen.root_path
            self._head, self._origin = head, origin
        return head, Ends(is_secure, origin.client, origin.server, root_path)

    def _converse(self, head: Head) -> None:
        head, ends = self._look_behind(head)
        self._check_host(head)
        if self._carrier is not None and head.is_websocket:
            options = self._context.options
            self._handshake = read_handshake(head, options.websocket_compression, options.allowed_origins)
            socket = WebSocket(self, self._context, head.path)
            self._conversation = socket
            socket.connect(head, ends)
        else:
            exchange = Exchange(self, self._context, head, ends)
            self._conversation = exchange
            exchange.start()

    def _write_page(self, status: int, sentence: str, *, is_last: bool) -> None:
        fields, content = own_page(status, sentence)
        self._begin(status, fields, content if self._has_content(status) else b"", is_last=is_last)
        self.finish()

    def _check_host(self, head: Head) -> None:
        allowed = self._context.options.allowed_hosts
        if allowed and not ((hosts := head.values(b"host")) and is_allowed_host(hosts[0], allowed)):
            raise BadRequest("This server does not serve the host that was asked for.", 400, "unknown host")

    def _begin(self, status: int, fields: Iterable[Field], content: bytes, *, is_last: bool = False) -> None:
        if self._is_over or self._status:
            return
        self._status = status
        self._size = len(content)
        whole = self._complete(status, fields)
        self._stream.send_head(status, whole, content, has_content=self._has_content(status), is_last=is_last)

    def _complete(self, status: int, fields: Iterable[Field]) -> list[Field]:
        """Add what every response has, and what this status has."""
        whole = list(fields)
        if status in LENGTHS:
            whole = [field for field in whole if field[0].lower() != b"content-length"]
            whole += LENGTHS[status]
        names = {name.lower() for name, _ in whole}
        if b"date" not in names:
            whole.append((b"Date", http_date(self._context.reactor.seconds())))
        server_name = self._context.options.server_name
        if server_name and b"server" not in names:
            whole.append((b"Server", server_name.encode("latin-1")))
        return whole

    def _has_content(self, status: int) -> bool:
        return status not in NO_CONTENT and not self.is_to_head

    def _note(self, fault: str) -> None:
        self._context.faults.note(fault, self._origin.name, self._context.reactor.seconds())

    def _close_books(self) -> None:
        """The request is over: no further call has an effect, and the access log tells of it."""
        self._is_over = True
        self._conversation = None  # it knows this request, and such a circle waits for the collector
        if self._status:
            self._context.tally.note(self._status)
        if self._context.log_access is not None and self._status:
            self._context.log_access(self._entry())

    def _entry(self) -> Entry:
        """Return what the access log tells of this request."""
        head = self._head
        referers = head.values(b"referer") if head else []
        agents = head.values(b"user-agent") if head else []
        now = self._context.reactor.seconds()
        return Entry(
            client=self._origin.name,
            ended_at=now,
            duration_s=now - self._began_at,
            request_line=self.line,
            status=self._status,
            size=self._size,
            referer=referers[0] if referers else b"-",
            user_agent=agents[0] if agents else b"-",
        )
