"""
What stands between one request and its connection: the same for HTTP/1 and HTTP/2.

A codec (``http1``, ``http2``) opens a request for each head that arrives, and gives it a :class:`Stream` to answer on.
The request calls the stream, the codec calls the :class:`Receiver`; neither knows how the other works.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from zmqlayer.interface.clients.extensions import Agreement
from zmqlayer.interface.clients.framing import FrameListener, Frames
from zmqlayer.interface.clients.head import Field, Head

__all__ = ["Carrier", "Receiver", "Socket", "Stream"]


class Stream(Protocol):
    """The way back to the client, for one request. Calls after the end of the connection do nothing."""

    @property
    def is_congested(self) -> bool:
        """Whether the client does not take what was written already."""

    @property
    def is_secure(self) -> bool:
        """Whether the connection is TLS."""

    def invite_body(self) -> None:
        """Send ``100 Continue`` if the client waits for it."""

    def pause_body(self) -> None:
        """Let the client wait: take no more of the body. Whatever was read already may still be received."""

    def resume_body(self) -> None:
        """Take the body again."""

    def send_head(
        self, status: int, fields: Sequence[Field], content: bytes = b"", *, has_content: bool, is_last: bool = False
    ) -> None:
        """
        Send status and headers, which are checked and hold no field about the connection.

        Args:
            content: The first piece of it, if it is there already.
            has_content: Whether content may follow; without a Content-Length among *fields* it is delimited by chunks,
                or by closing. False for the answer to HEAD, 204 and 304.
            is_last: Close the connection after this response (HTTP/1); the client did what it should not.
        """

    def send_content(self, data: bytes) -> None:
        """Send a piece of the content; an empty one does nothing."""

    def end(self) -> None:
        """The response is complete. A body that still arrives is thrown away."""

    def abort(self) -> None:
        """Cut it off, so that the client cannot take the response for complete."""


class Receiver(Protocol):
    """
    A request, as its codec sees it.

    Either refused, if its head cannot be read; or opened with its head, and then told the rest, until it is complete,
    spoiled or lost.
    """

    def open(self, head: Head) -> None:
        """The head arrived, and is in order."""

    def refuse(self, status: int, sentence: str, fault: str = "") -> None:
        """
        Answer with an error page of one sentence.

        Args:
            fault: What the client did wrong, as ``Faults.note`` counts it; empty if nothing.
        """

    def received(self, data: bytes) -> None:
        """A piece of the body arrived."""

    def completed(self) -> None:
        """The body is complete. Also called for a request without a body."""

    def spoiled(self, status: int, sentence: str, fault: str) -> None:
        """The client sent what is no body, or takes too long: :meth:`refuse` if that is still possible, else abort."""

    def lost(self) -> None:
        """The client is gone, or gave this request up; nothing follows."""

    def congested(self) -> None:
        """The client is slow: write no more for now."""

    def relieved(self) -> None:
        """The client took what was written: go on."""

    def stop(self) -> None:
        """The server stops: a WebSocket ends, a response may take its time."""


class Socket(FrameListener, Protocol):
    """A WebSocket, as a connection sees it."""

    def stop(self) -> None:
        """End soon: the server stops."""


class Carrier(Protocol):
    """A connection that can leave HTTP for WebSocket: HTTP/1.1 only. Meanwhile the client's bytes are held."""

    def upgrade(self, socket: Socket, answer: bytes, compression: Agreement | None) -> Frames:
        """
        Give the transport to Autobahn, on behalf of *socket*. Then call :meth:`release`.

        Args:
            answer: The response to the handshake.
            compression: What it agrees on.
        """

    def release(self) -> None:
        """Let the client's frames flow, first those that were held."""
