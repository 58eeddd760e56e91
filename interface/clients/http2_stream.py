"""
One stream of HTTP/2: the ``streams.Stream`` that a request answers on, and what of both bodies waits here.

Content waits until the client's windows and the fair turns of ``http2_turns`` let it go. The body of the request does
not wait: a body that is paused is merely not asked for more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from h2.errors import ErrorCodes

from zmqlayer.interface.clients.head import Field
from zmqlayer.interface.clients.http2_machine import STREAM_WINDOW
from zmqlayer.interface.clients.pace import Pace
from zmqlayer.interface.clients.streams import Receiver
from zmqlayer.interface.options import ServerOptions

__all__ = ["Http2Stream", "Session"]

FULL_SIZE: Final = 65_536
"""Bytes that wait here when the request is asked to write no more."""
LOW_SIZE: Final = 16_384
"""And when it may go on."""
READ_RATE: Final = 16
"""Bytes per second that a client has to take at least: a window that opens for a byte now and then is not progress."""


class Session(Protocol):
    """The connection, as its streams see it."""

    @property
    def is_congested(self) -> bool: ...
    @property
    def is_secure(self) -> bool: ...
    def now(self) -> float: ...
    def expect(self, at: float) -> None: ...
    def send_head(self, stream: Http2Stream, status: int, fields: Sequence[Field]) -> None: ...
    def send_soon(self, stream: Http2Stream) -> None: ...
    def invite(self, stream: Http2Stream, size: int) -> None: ...
    def reset(self, stream: Http2Stream, code: ErrorCodes) -> None: ...


class Http2Stream:
    """
    One request's stream.

    Attributes:
        stream_id: Odd; as the client chose it.
        code: To reset the stream with, when the answer has left, if there is reason to: the request was no good, or the
            client owes a part of it.
        waiting_size: Bytes of content that wait to be sent.
        body_pace: Of the client's body, while we are ready for it.
        write_pace: Of content, while the client's windows hold it back.
        is_open: Whether anything may still be sent or received.
        is_queued: Whether it has a turn to come.
        is_body_complete: Whether the client has sent all of its request.
        awaits_invitation: Whether the client holds its body back until it is told ``100 Continue``.
    """

    __slots__ = (
        "_arrived",
        "_arrived_of_frame",
        "_is_ended",
        "_is_full",
        "_is_paused",
        "_is_told_congested",
        "_length",
        "_receiver",
        "_session",
        "_taken",
        "_waiting",
        "awaits_invitation",
        "body_pace",
        "code",
        "is_body_complete",
        "is_open",
        "is_queued",
        "stream_id",
        "waiting_size",
        "write_pace",
    )

    def __init__(self, stream_id: int, session: Session, options: ServerOptions) -> None:
        self.stream_id = stream_id
        self.code = ErrorCodes.NO_ERROR
        self.waiting_size = 0
        self.body_pace = Pace(options.body_timeout_s, options.body_min_rate)
        self.write_pace = Pace(options.write_timeout_s, READ_RATE)
        self.is_open = True
        self.is_queued = False
        self.is_body_complete = False
        self.awaits_invitation = False
        self._session = session
        self._receiver: Receiver | None = None
        self._waiting: deque[memoryview] = deque()
        self._is_ended = False
        self._is_full = False
        self._is_told_congested = False
        self._is_paused = False
        self._length: int | None = None
        self._arrived = 0
        self._arrived_of_frame = 0
        self._taken = 0

    def __repr__(self) -> str:
        return f"<Http2Stream {self.stream_id} [{self.waiting_size:,} bytes wait]>"

    # What the request calls.

    @property
    def is_congested(self) -> bool:
        """See ``streams.Stream``."""
        return self._is_full or self._session.is_congested

    @property
    def is_secure(self) -> bool:
        """See ``streams.Stream``."""
        return self._session.is_secure

    def invite_body(self) -> None:
        """See ``streams.Stream``."""
        if self.is_open and self.awaits_invitation:
            self.awaits_invitation = False
            self._session.send_head(self, 100, ())
            self._await_body()

    def pause_body(self) -> None:
        """See ``streams.Stream``."""
        self._is_paused = True
        self.body_pace.stop()

    def resume_body(self) -> None:
        """See ``streams.Stream``."""
        self._is_paused = False
        self._return_window()
        self._await_body()

    def send_head(
        self, status: int, fields: Sequence[Field], content: bytes = b"", *, has_content: bool, is_last: bool = False
    ) -> None:
        """See ``streams.Stream``. Other streams go on, whatever this one's client did."""
        if self.is_open:
            self.awaits_invitation = False
            self._session.send_head(self, status, fields)
            self.send_content(content)

    def send_content(self, data: bytes) -> None:
        """See ``streams.Stream``."""
        if data and self.is_open:
            self._waiting.append(memoryview(data))
            self.waiting_size += len(data)
            self._session.send_soon(self)
            self.tell()

    def end(self) -> None:
        """See ``streams.Stream``."""
        if self.is_open:
            self._is_ended = True
            self._session.send_soon(self)

    def abort(self) -> None:
        """See ``streams.Stream``."""
        if self.is_open:
            self._session.reset(self, self.code or ErrorCodes.INTERNAL_ERROR)

    # What the connection calls: the client's side.

    def open(self, receiver: Receiver) -> None:
        """Belong to a request from now on."""
        self._receiver = receiver

    def expect_body(self, length: int | None, awaits_invitation: bool) -> None:
        """Take a body, of *length* bytes if the head told that."""
        self._length = length
        self.awaits_invitation = awaits_invitation and not self.is_body_complete
        self._await_body()

    def receive(self, data: bytes, flow_size: int) -> bool:
        """
        Pass on what arrived of the body.

        Args:
            flow_size: Bytes that it took of the window.

        Returns:
            Whether that was as many bytes as the head announced, or less.
        """
        self.awaits_invitation = False
        self._arrived += len(data)
        self._taken += flow_size
        self.body_pace.count(flow_size - self._arrived_of_frame, self._session.now())
        self._arrived_of_frame = 0
        if self._length is not None and self._arrived > self._length:
            return False
        if data and self._receiver is not None:
            self._receiver.received(data)
        self._return_window()
        return True

    def receive_part(self, size: int) -> None:
        """Take note of *size* bytes of a frame that is not complete yet."""
        self.body_pace.count(size - self._arrived_of_frame, self._session.now())
        self._arrived_of_frame = size

    def complete(self) -> bool:
        """The client has sent its request; returns whether the body was as long as the head announced."""
        self.is_body_complete = True
        self.body_pace.stop()
        if self._length is not None and self._arrived != self._length:
            return False
        if self._receiver is not None:
            self._receiver.completed()
        return True

    def spoil(self, status: int, sentence: str, fault: str) -> None:
        """Tell the request that its body is none."""
        self.body_pace.stop()
        if self._receiver is not None:
            self._receiver.spoiled(status, sentence, fault)

    def close(self) -> Receiver | None:
        """Send and receive nothing more; returns the request, the first time."""
        self.is_open = False
        self._waiting.clear()
        self.waiting_size = 0
        receiver, self._receiver = self._receiver, None
        return receiver

    # What the connection calls: our side.

    @property
    def has_content(self) -> bool:
        """Whether content waits to be sent."""
        return self.waiting_size > 0

    @property
    def is_answered(self) -> bool:
        """Whether nothing is to be sent any more but the end."""
        return self._is_ended and not self._waiting

    def take(self, size: int) -> bytes:
        """Return up to *size* bytes of the content that waits."""
        first = self._waiting.popleft()
        if len(first) > size:
            self._waiting.appendleft(first[size:])
        taken = bytes(first[:size])
        self.waiting_size -= len(taken)
        self.write_pace.count(len(taken), self._session.now())
        if not self._waiting:
            self.write_pace.stop()
        self.tell()
        return taken

    def stall(self) -> None:
        """Take note that the client's windows are closed."""
        self.write_pace.start(self._session.now())
        self._session.expect(self.write_pace.deadline())

    def tell(self) -> None:
        """Let the request know whether it may write."""
        self._is_full = self.waiting_size > (LOW_SIZE if self._is_full else FULL_SIZE)
        if self._receiver is None or self.is_congested == self._is_told_congested:
            return
        self._is_told_congested = not self._is_told_congested
        if self._is_told_congested:
            self._receiver.congested()
        else:
            self._receiver.relieved()

    def stop(self) -> None:
        """The server stops."""
        if self._receiver is not None:
            self._receiver.stop()

    def deadline(self) -> float:
        """Return when to look at the paces next."""
        return min(self.body_pace.deadline(), self.write_pace.deadline())

    def _await_body(self) -> None:
        if self.is_open and not (self.is_body_complete or self._is_paused or self.awaits_invitation):
            self.body_pace.start(self._session.now())
            self._session.expect(self.body_pace.deadline())

    def _return_window(self) -> None:
        if self._taken >= STREAM_WINDOW // 2 and not self._is_paused and not self.is_body_complete and self.is_open:
            taken, self._taken = self._taken, 0
            self._session.invite(self, taken)
