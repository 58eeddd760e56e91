"""
HTTP/2's bytes cut into frames (RFC 9113, 4), each looked at before h2 sees it. Pure; ``http2`` feeds it.

h2 parses frames too, but it waits for the whole of a frame before it looks at its length, keeps up to a megabyte of a
head that does not end, and takes any frame for the first one. What is cut here is bounded, and h2 is given one frame at
a time, so that what is decided on a frame holds for the next.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from h2.errors import ErrorCodes

from zmqlayer.exceptions import ZmqLayerError

__all__ = ["MAX_FRAME_SIZE", "PREFACE", "BadFrames", "Frame", "FrameReader", "Kind", "encode_goaway", "encode_reset"]

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_SIZE: Final = 9
MAX_FRAME_SIZE: Final = 16_384
"""The least that a receiver must take, and what all clients use (RFC 9113, 4.2)."""
SPARE_CONTINUATIONS: Final = 8

END_STREAM: Final = 0x1
END_HEADERS: Final = 0x4
ACK: Final = 0x1


class Kind(IntEnum):
    """The kinds of frame that have a meaning here (RFC 9113, 6)."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


SIZES: Final = {Kind.PRIORITY: 5, Kind.RST_STREAM: 4, Kind.PING: 8, Kind.WINDOW_UPDATE: 4}
"""Of the payload, for kinds that have only one."""


class BadFrames(ZmqLayerError):
    """
    The client broke a rule of the connection, which therefore ends.

    Attributes:
        code: For the GOAWAY frame.
        fault: For the log and the counters.
    """

    def __init__(self, code: ErrorCodes, fault: str) -> None:
        super().__init__(code, fault)
        self.code = code
        self.fault = fault

    def __str__(self) -> str:
        return f"{self.fault} ({self.code.name})"


@dataclass(frozen=True, slots=True)
class Frame:
    """
    One whole frame.

    Attributes:
        kind: A :class:`Kind`, or a number that is none.
        content: The frame, with its header.
    """

    kind: int
    flags: int
    stream_id: int
    content: bytes

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return len(self.content) - HEADER_SIZE

    @property
    def is_ack(self) -> bool:
        """Whether a SETTINGS or PING frame answers one of ours."""
        return bool(self.flags & ACK)

    @property
    def ends_stream(self) -> bool:
        """Whether the client sends nothing more on the stream of a HEADERS or DATA frame."""
        return bool(self.flags & END_STREAM)


class FrameReader:
    """
    Cuts what one client sends into frames.

    Args:
        max_block_size: Bytes of one head, compressed, in all of its frames.
    """

    def __init__(self, max_block_size: int) -> None:
        self._max_block_size = max_block_size
        self._max_block_frames = 1 + SPARE_CONTINUATIONS + max_block_size // MAX_FRAME_SIZE
        self._bytes = bytearray()
        self._awaits_preface = True
        self._awaits_settings = True
        self._block_stream: int | None = None
        self._block_size = 0
        self._block_frames = 0
        self._wholes = 0

    @property
    def unfinished(self) -> int | None:
        """
        What the client has begun and owes the rest of; None if nothing, or content, which may take longer.

        Returns:
            A number that is another one for the next frame, or head of several frames.
        """
        begun = bool(self._bytes) and self.unfinished_content is None
        return self._wholes if self._awaits_settings or self._block_stream is not None or begun else None

    @property
    def unfinished_content(self) -> tuple[int, int] | None:
        """The stream of a DATA frame that has begun to arrive, and how many bytes of it there are."""
        if len(self._bytes) < HEADER_SIZE or self._bytes[3] != Kind.DATA or self._awaits_settings:
            return None
        (stream_id,) = struct.unpack_from("!L", self._bytes, 5)
        return stream_id & 0x7FFFFFFF, len(self._bytes)

    def feed(self, received: bytes) -> None:
        """Take more bytes; then call :meth:`frames`."""
        self._bytes += received

    def frames(self) -> Iterator[Frame]:
        """
        Return the whole frames, in order, and forget them.

        Raises:
            BadFrames: By the step that reaches the frame; those before it are good.
        """
        if self._awaits_preface and not self._take_preface():
            return
        while (frame := self._cut()) is not None:
            self._check_order(frame)
            self._wholes += self._block_stream is None
            yield frame

    def _take_preface(self) -> bool:
        found = bytes(self._bytes[: len(PREFACE)])
        if not PREFACE.startswith(found):
            raise BadFrames(ErrorCodes.PROTOCOL_ERROR, "no HTTP/2 preface")
        if len(found) < len(PREFACE):
            return False
        del self._bytes[: len(PREFACE)]
        self._awaits_preface = False
        return True

    def _cut(self) -> Frame | None:
        if len(self._bytes) < HEADER_SIZE:
            return None
        high, low, kind, flags, stream_id = struct.unpack_from("!BHBBL", self._bytes)
        end = HEADER_SIZE + (high << 16 | low)
        if end - HEADER_SIZE > MAX_FRAME_SIZE:
            raise BadFrames(ErrorCodes.FRAME_SIZE_ERROR, "HTTP/2 frame too large")
        if end - HEADER_SIZE != SIZES.get(kind, end - HEADER_SIZE):
            raise BadFrames(ErrorCodes.FRAME_SIZE_ERROR, "HTTP/2 frame of a wrong size")
        if len(self._bytes) < end:
            return None
        content = bytes(self._bytes[:end])
        del self._bytes[:end]
        return Frame(kind, flags, stream_id & 0x7FFFFFFF, content)

    def _check_order(self, frame: Frame) -> None:
        """Hold SETTINGS to be first (RFC 9113, 3.4), and a head to be uninterrupted and bounded (RFC 9113, 6.10)."""
        if self._awaits_settings and (frame.kind != Kind.SETTINGS or frame.is_ack):
            raise BadFrames(ErrorCodes.PROTOCOL_ERROR, "no HTTP/2 settings first")
        self._awaits_settings = False
        if frame.kind == Kind.SETTINGS and frame.is_ack and frame.size:
            raise BadFrames(ErrorCodes.FRAME_SIZE_ERROR, "HTTP/2 frame of a wrong size")
        follows = frame.stream_id if frame.kind == Kind.CONTINUATION else None
        if follows != self._block_stream:
            raise BadFrames(ErrorCodes.PROTOCOL_ERROR, "HTTP/2 head in disorder")
        if frame.kind == Kind.HEADERS:
            self._block_size = self._block_frames = 0
        if frame.kind in (Kind.HEADERS, Kind.CONTINUATION):
            self._count_block(frame)

    def _count_block(self, frame: Frame) -> None:
        """Bound one head while it arrives: it might never end (CVE-2024-27316)."""
        self._block_size += frame.size
        self._block_frames += 1
        if self._block_size > self._max_block_size or self._block_frames > self._max_block_frames:
            raise BadFrames(ErrorCodes.ENHANCE_YOUR_CALM, "HTTP/2 head without end")
        self._block_stream = None if frame.flags & END_HEADERS else frame.stream_id


def encode_reset(stream_id: int, code: ErrorCodes) -> bytes:
    """Return a RST_STREAM frame (RFC 9113, 6.4), for a stream that h2 has forgotten already."""
    return _encode(Kind.RST_STREAM, stream_id, struct.pack("!L", code))


def encode_goaway(last_stream_id: int, code: ErrorCodes) -> bytes:
    """
    Return a GOAWAY frame (RFC 9113, 6.8).

    h2 would take it for the end of the connection; after one with ``NO_ERROR`` open streams are still answered.
    """
    return _encode(Kind.GOAWAY, 0, struct.pack("!LL", last_stream_id, code))


def _encode(kind: Kind, stream_id: int, payload: bytes) -> bytes:
    return struct.pack("!BHBBL", 0, len(payload), kind, 0, stream_id) + payload
