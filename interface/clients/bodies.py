"""
Where the body of an HTTP/1 request ends (RFC 9112, 6 and 7). Pure.

Written here because a parser that cannot stop reads on into the next request, and because what surrounds the chunks
needs bounds of its own.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final, Protocol

from zmqlayer.interface.clients.head import LENGTH, BadRequest, Head, read_fields

__all__ = ["Body", "ChunkedBody", "CountedBody", "body_of"]

CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n\Z")
MAX_SIZE_LINE: Final = 1_024
MAX_EXCESS: Final = 16_384
"""Bytes of chunk sizes and extensions beyond what chunks of a sensible size need."""
FAIR_LINE: Final = 16
"""Bytes of a chunk's size and line ends that are nobody's fault."""


class Body(Protocol):
    """A body that arrives."""

    is_complete: bool

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """
        Read on.

        Returns:
            The content in *data*, and what follows the body: empty until it is complete.

        Raises:
            BadRequest: This is no body.
        """


def body_of(head: Head, max_trailer_size: int) -> Body | None:
    """
    Return the body that follows *head*, or None.

    Raises:
        BadRequest: It is not clear where the body ends: a proxy could see it end elsewhere.
    """
    codings, lengths = head.values(b"transfer-encoding"), head.values(b"content-length")
    if codings:
        _check_coding(codings, lengths, head.http_version)
        return ChunkedBody(max_trailer_size)
    if not lengths:
        return None
    if len(lengths) > 1 or not LENGTH.match(lengths[0]):
        raise BadRequest("The Content-Length is not one whole number.", 400, "ambiguous body")
    return CountedBody(int(lengths[0])) if int(lengths[0]) else None


class CountedBody:
    """A body with a Content-Length."""

    __slots__ = ("_left", "is_complete")

    def __init__(self, length: int) -> None:
        self._left = length
        self.is_complete = False

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """See :class:`Body`."""
        content = data[: self._left]
        self._left -= len(content)
        self.is_complete = not self._left
        return content, data[len(content) :]


class Part(Enum):
    """Which line of a chunked body comes next."""

    SIZE = auto()
    END = auto()  # of a chunk
    TRAILER = auto()


class ChunkedBody:
    """
    A body in chunks. Extensions and trailers are read and thrown away.

    Args:
        max_trailer_size: Bytes of the fields that may follow the last chunk.
    """

    __slots__ = ("_excess", "_left", "_line", "_part", "_room", "is_complete")

    def __init__(self, max_trailer_size: int) -> None:
        self._line = b""
        self._left = 0
        self._excess = 0
        self._room = max_trailer_size
        self._part = Part.SIZE
        self.is_complete = False

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """See :class:`Body`."""
        pieces = []
        at = 0
        while at < len(data) and not self.is_complete:
            if self._left:
                piece = data[at : at + self._left]
                self._left -= len(piece)
                at += len(piece)
                pieces.append(piece)
            else:
                at = self._take_line(data, at)
        return b"".join(pieces), data[at:]

    def _take_line(self, data: bytes, at: int) -> int:
        """Read a line, or keep what there is of it; return where to go on."""
        end = data.find(b"\n", at) + 1
        self._line += data[at : end or None]
        if end or len(self._line) > (self._room if self._part is Part.TRAILER else MAX_SIZE_LINE):
            line, self._line = self._line, b""
            self._read_line(line)
        return end or len(data)

    def _read_line(self, line: bytes) -> None:
        match self._part:
            case Part.SIZE:
                self._read_size(line)
            case Part.END:
                self._read_end(line)
            case Part.TRAILER:
                self._read_trailer(line)

    def _read_size(self, line: bytes) -> None:
        size = CHUNK_SIZE.match(line)
        if not size or len(line) > MAX_SIZE_LINE:
            raise _bad_chunk()
        self._left = int(size[1], 16)
        self._excess = max(0, self._excess + len(line) - FAIR_LINE - self._left)
        if self._excess > MAX_EXCESS:
            raise BadRequest("The chunks of the body are mostly wrapping.", 400, "wasteful chunks")
        self._part = Part.END if self._left else Part.TRAILER

    def _read_end(self, line: bytes) -> None:
        if line != b"\r\n":
            raise _bad_chunk()
        self._part = Part.SIZE

    def _read_trailer(self, line: bytes) -> None:
        self._room -= len(line)
        if self._room < 0:
            raise BadRequest("The fields after the body are too large.", 431, "trailers too large")
        if line == b"\r\n":
            self.is_complete = True
            return
        name, colon, value = line.partition(b":")
        if not colon or not value.endswith(b"\r\n"):
            raise BadRequest("A field after the body is not one line.", 400, "malformed trailer")
        read_fields([(name, value[:-2])])


def _check_coding(codings: list[bytes], lengths: list[bytes], http_version: str) -> None:
    if lengths:
        raise BadRequest("A body has either a Content-Length or a Transfer-Encoding.", 400, "ambiguous body")
    if http_version == "1.0":
        raise BadRequest("HTTP/1.0 does not know Transfer-Encoding.", 400, "ambiguous body")
    if len(codings) > 1 or codings[0].lower() != b"chunked":
        raise BadRequest("The only Transfer-Encoding served is 'chunked'.", 501, "unknown transfer coding")


def _bad_chunk() -> BadRequest:
    return BadRequest("The chunks of the body are malformed.", 400, "malformed chunk")
