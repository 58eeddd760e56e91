"""
A response on its way from a worker to a client: what its messages, one after the other, mean. Pure.

Each message is checked against those before it: a client must not take a response with a hole, or one that is
shorter than it says, for the whole, nor the surplus of one for the beginning of the next.
"""

from __future__ import annotations

from typing import NamedTuple

from zmqlayer.interface.conversations.replies import BadReply, Piece, ResponseStart, read_piece, read_response_start
from zmqlayer.messages import Message

__all__ = ["Response", "Step"]


class Step(NamedTuple):
    """
    What one message makes of a response.

    Attributes:
        start: Status and headers, if the response begins with this message.
        content: What to write; empty where the client expects no content.
        is_last: Whether the response is complete now.
        is_broken_off: Whether nothing follows although it is not complete; the rest counts for nothing.
    """

    start: ResponseStart | None
    content: bytes
    is_last: bool
    is_broken_off: bool


class Response:
    """
    One response.

    Args:
        is_to_head: Whether it answers HEAD, so that no content is sent whatever the worker says.

    Attributes:
        is_begun: Whether status and headers were read.
    """

    __slots__ = ("_has_content", "_order", "_owed", "is_begun")

    def __init__(self, *, is_to_head: bool) -> None:
        self.is_begun = False
        self._has_content = not is_to_head
        self._order = 0
        self._owed: int | None = None

    def read(self, message: Message) -> Step | None:
        """
        Return what *message* makes of the response; None if it is no part of it.

        Raises:
            BadReply: It cannot be sent.
        """
        if "request" in message or _is_invitation_only(message):  # server push: nobody takes it any more
            return None
        self._check_order(message)
        piece = read_piece(message)
        if piece.is_broken_off:
            return Step(None, b"", False, True)
        start = None if self.is_begun else self._begin(message, piece)
        self._check_length(len(piece.content), piece.is_last)
        self.is_begun = True
        return Step(start, piece.content if self._has_content else b"", piece.is_last, False)

    def _begin(self, message: Message, piece: Piece) -> ResponseStart:
        start = read_response_start(message)
        self._has_content = self._has_content and start.has_content
        if not self._has_content:
            return start
        if start.length is None and piece.is_last:  # it is known: no chunks, and HTTP/1.0 may keep the connection
            start = start.with_length(len(piece.content))
        self._owed = start.length
        return start

    def _check_order(self, message: Message) -> None:
        """Notice a piece that was lost. Workers by the letter of the 2016 draft do not number them."""
        order = message.get("order")
        if order is None:
            return
        if order != self._order:
            raise BadReply("order", f"is {order!r:.80} where {self._order} comes next: a piece was lost")
        self._order += 1

    def _check_length(self, size: int, is_last: bool) -> None:
        if self._owed is None:
            return
        self._owed -= size
        if self._owed < 0:
            raise BadReply("content", f"is {-self._owed:,} bytes longer than Content-Length says")
        if is_last and self._owed:
            raise BadReply("content", f"ends {self._owed:,} bytes before Content-Length says")


def _is_invitation_only(message: Message) -> bool:
    return "events_channel" in message and not message.keys() & {"status", "content", "closed"}
