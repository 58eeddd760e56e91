"""
The body of a request as a file, read from the request's ``body_channel`` piece by piece. Used by ``request.py``.

Never more than two pieces are here: the next one is asked for when the view wants it, so a slow view holds back the
server, and the server holds back the client. What the view never reads stays at the server, which drops it.

A view that is a coroutine must not wait in a read, so its body is collected before it starts, in memory or, above
``FILE_UPLOAD_MAX_MEMORY_SIZE``, in a file: :func:`collect_body`.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine
from tempfile import SpooledTemporaryFile
from typing import Any, Final

from zmqlayer.exceptions import LayerClosed
from zmqlayer.messages import Message as Content
from zmqlayer.ports import Clock
from zmqlayer.worker.exceptions import RequestAborted, RequestTimeout

__all__ = ["BODY_TIMEOUT_S", "BodyLost", "BodyPieces", "collect_body", "open_body"]

BODY_TIMEOUT_S: Final = 60.0
BUFFER_SIZE: Final = 65_536
LOOK_AROUND_S: Final = 5.0
"""How long a coroutine waits for a piece before it looks whether the client is there at all."""

Receive = Callable[[], Content | None]
"""Waits a while for the next message of the body channel; None if none came."""
AsyncReceive = Callable[[], Coroutine[Any, Any, Content | None]]
"""Waits for the next message of the body channel as long as it takes. May be cancelled without losing a message."""


class BodyLost(OSError):
    """A piece of a body got lost in the mesh. Django makes an ``UnreadablePostError`` of it."""


class _Pieces:
    """Checks the pieces of one body, in the order in which they come."""

    def __init__(self) -> None:
        self.is_last = False
        self._order = 0

    def open(self, message: Content) -> bytes:
        """Return the piece in *message*; raises RequestAborted if the client is gone, BodyLost if one is missing."""
        if message.get("closed"):
            raise RequestAborted("the client is gone")
        # Servers by the letter of the 2016 draft do not number the pieces.
        if message.get("order", self._order) != self._order:
            raise BodyLost(f"piece {self._order} of the request's body was lost on its way from the server")
        self._order += 1
        self.is_last = not message.get("more_content")
        return message.get("content") or b""


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
        self._pieces = _Pieces()

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
        while not self._piece and not self._pieces.is_last:
            self._piece = memoryview(self._pieces.open(self._wait()))
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(self._piece))
        view[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size

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
        raise _stopped(self._timeout_s)


def open_body(pieces: BodyPieces) -> Any:
    """Return *pieces* as a file with ``read``, ``readline`` and ``readinto``; a read of n bytes returns n bytes."""
    return io.BufferedReader(pieces, BUFFER_SIZE)


async def collect_body(
    first: bytes,
    receive: AsyncReceive,
    is_awaited: Callable[[], bool],
    memory_size: int,
    timeout_s: float = BODY_TIMEOUT_S,
) -> Any:
    """
    Return a whole body as a file, waiting for its pieces without holding a thread.

    Args:
        memory_size: Bytes above which it is kept in a temporary file.

    Raises:
        RequestAborted, RequestTimeout, BodyLost: As in a read of :class:`BodyPieces`.
    """
    pieces, body = _Pieces(), SpooledTemporaryFile(max_size=memory_size)  # noqa: SIM115  # the request closes it
    try:
        body.write(first)
        while not pieces.is_last:
            body.write(pieces.open(await _wait(receive, is_awaited, timeout_s)))
        body.seek(0)
    except BaseException:
        body.close()
        raise
    return body


async def _wait(receive: AsyncReceive, is_awaited: Callable[[], bool], timeout_s: float) -> Content:
    left_s = timeout_s
    while left_s > 0:
        try:
            async with asyncio.timeout(min(left_s, LOOK_AROUND_S)):
                if (message := await receive()) is not None:
                    return message
        except TimeoutError:
            left_s -= LOOK_AROUND_S
        except LayerClosed as exc:
            raise RequestAborted("this worker has left the mesh") from exc
        if not is_awaited():
            raise RequestAborted("the client, or its server, is gone")
    raise _stopped(timeout_s)


def _stopped(timeout_s: float) -> RequestTimeout:
    return RequestTimeout(f"the request's body stopped for {timeout_s:g} seconds")
