"""
The body of a request as a file, read from the request's ``body_channel`` piece by piece. Used by ``request.py``.

Never more than two pieces are here: the next one is asked for when the view wants it, so a slow view holds back the
server, and the server holds back the client. What the view never reads stays at the server, which drops it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final

from zmqlayer.exceptions import LayerClosed
from zmqlayer.messages import Message as Content
from zmqlayer.ports import Clock
from zmqlayer.worker.exceptions import RequestAborted, RequestTimeout

__all__ = ["BODY_TIMEOUT_S", "BodyLost", "BodyPieces", "open_body"]

BODY_TIMEOUT_S: Final = 60.0
BUFFER_SIZE: Final = 65_536

Receive = Callable[[], Content | None]
"""Waits a while for the next message of the body channel; None if none came."""


class BodyLost(OSError):
    """A piece of a body got lost in the mesh. Django makes an ``UnreadablePostError`` of it."""


class BodyPieces(io.RawIOBase):
    """
    The pieces of one body, as a raw stream.

    Args:
        first: What came with the request.
        receive: Waits for the next piece.
        is_awaited: Whether somebody still waits for the response.
        clock: Monotonic seconds.
        timeout_s: How long a piece may let wait for itself.
    """

    def __init__(
        self,
        first: bytes,
        receive: Receive,
        is_awaited: Callable[[], bool],
        clock: Clock,
        timeout_s: float = BODY_TIMEOUT_S,
    ) -> None:
        super().__init__()
        self._piece = memoryview(first)
        self._receive = receive
        self._is_awaited = is_awaited
        self._clock = clock
        self._timeout_s = timeout_s
        self._order = 0
        self._is_last = False

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """
        Copy what there is of the body into *buffer*, after waiting for it. Returns the number of bytes; 0 at the end.

        Raises:
            RequestAborted: The client, or its server, is gone.
            RequestTimeout: Nothing came for a minute.
            BodyLost: The body has a hole.
        """
        while not self._piece and not self._is_last:
            self._take(self._wait())
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(self._piece))
        view[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size

    def _take(self, message: Content) -> None:
        if message.get("closed"):
            raise RequestAborted("the client is gone")
        # Servers by the letter of the 2016 draft do not number the pieces.
        if message.get("order", self._order) != self._order:
            raise BodyLost(f"piece {self._order} of the request's body was lost on its way from the server")
        self._order += 1
        self._piece = memoryview(message.get("content") or b"")
        self._is_last = not message.get("more_content")

    def _wait(self) -> Content:
        deadline = self._clock() + self._timeout_s
        while self._clock() < deadline:
            try:
                message = self._receive()
            except LayerClosed as exc:
                raise RequestAborted("this worker has left the mesh") from exc
            if message is not None:
                return message
            if not self._is_awaited():
                raise RequestAborted("the client, or its server, is gone")
        raise RequestTimeout(f"the request's body stopped for {self._timeout_s:g} seconds")


def open_body(pieces: BodyPieces) -> Any:
    """Return *pieces* as a file with ``read``, ``readline`` and ``readinto``; a read of n bytes returns n bytes."""
    return io.BufferedReader(pieces, BUFFER_SIZE)
