"""
The body of a request, cut into what its message holds and what follows in pieces. Pure; ``uploads.py`` sends it.

A short body is a part of the request's message. Of a longer one the message has the beginning, and the rest goes to
the one worker that reads the message's ``body_channel``.
"""

from __future__ import annotations

from zmqlayer.interface.options import ServerOptions
from zmqlayer.messages import Body

__all__ = ["Pieces"]


class Pieces:
    """
    What has arrived of one body, and has not been sent.

    Call :meth:`take_first` once, then :meth:`next` and, when that was sent, :meth:`sent`, until it returns None.

    Attributes:
        arrived: Bytes of the body so far.
        is_complete: Whether all of the body has arrived.
    """

    __slots__ = ("_buffer", "_chunk_size", "_inline_size", "_is_last", "_next", "_order", "arrived", "is_complete")

    def __init__(self, options: ServerOptions) -> None:
        half = max(1, options.max_message_size // 2)  # leaves room for the headers
        self.arrived = 0
        self.is_complete = False
        self._inline_size = min(options.body_inline_size, half)
        self._chunk_size = min(options.body_chunk_size, half)
        self._buffer = bytearray()
        self._next: Body | None = None
        self._order = 0
        self._is_last = False

    @property
    def is_long(self) -> bool:
        """Whether more has arrived than the message may hold."""
        return len(self._buffer) > self._inline_size

    @property
    def is_sent(self) -> bool:
        """Whether nothing is left to send, nor to arrive."""
        return self._is_last and self._next is None

    def add(self, data: bytes) -> None:
        """A piece arrived, of any size."""
        self.arrived += len(data)
        self._buffer += data

    def take_first(self) -> bytes:
        """Take what the request's message holds; it is the whole body if :attr:`is_sent` afterwards."""
        first = self._cut(self._inline_size)
        self._is_last = self.is_complete and not self._buffer
        return first

    def next(self) -> Body | None:
        """Return the next piece to send; None if there is none yet, or none any more."""
        if self._next is None and not self._is_last and (self._buffer or self.is_complete):
            content = self._cut(self._chunk_size)
            self._is_last = self.is_complete and not self._buffer
            self._next = Body(content=content, more_content=not self._is_last, order=self._order)
        return self._next

    def sent(self) -> None:
        """What :meth:`next` returned was sent."""
        self._next = None
        self._order += 1

    def _cut(self, size: int) -> bytes:
        cut = bytes(self._buffer[:size])
        del self._buffer[:size]
        return cut
