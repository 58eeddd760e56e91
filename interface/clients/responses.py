"""The head of an HTTP/1.1 response (RFC 9112, 4 to 6), and the frame around its content. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from zmqlayer.interface.clients.head import Field

__all__ = ["CONTINUE", "LAST_CHUNK", "chunk", "response_head"]

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus
}


def response_head(status: int, fields: Iterable[Field], about_connection: bytes) -> bytes:
    """
    Return a head as it is sent.

    Args:
        fields: Checked: without line ends, and without fields about the connection.
        about_connection: The lines of those, each with its end.
    """
    line = STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
    return b"".join((line, *(b"%b: %b\r\n" % field for field in fields), about_connection, b"\r\n"))


def chunk(data: bytes) -> tuple[bytes, ...]:
    """Return the parts of one chunk; *data* is not empty."""
    return b"%x\r\n" % len(data), data, b"\r\n"
