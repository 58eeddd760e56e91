"""A response of HTTP/1 as bytes: its head, and where its content ends (RFC 9112, 4 to 7). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from zmqlayer.interface.clients.head import Field

__all__ = ["CONTINUE", "Response"]

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus
}


class Response:
    """
    One response, and whether its connection can be used again.

    Args:
        http_version: Of the request.

    Attributes:
        is_kept: Whether another request may follow on the connection; the head tells the client.
    """

    __slots__ = ("_is_chunked", "_length", "http_version", "is_kept")

    def __init__(self, http_version: str = "1.1", *, is_kept: bool = False) -> None:
        self.http_version = http_version
        self.is_kept = is_kept
        self._is_chunked = False
        self._length = b""

    def head(self, status: int, fields: Sequence[Field], *, has_content: bool) -> bytes:
        """
        Return the head. Without a Content-Length content comes in chunks, or, for HTTP/1.0, ends with the connection.

        Args:
            fields: Checked: without line ends, and without fields about the connection.
        """
        lengths = [value for name, value in fields if name.lower() == b"content-length"]
        self._length = b"0" if not has_content else lengths[0] if lengths else b""
        self._is_chunked = has_content and not lengths and self.http_version == "1.1"
        self.is_kept = self.is_kept and (bool(lengths) or self._is_chunked or not has_content)
        line = STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
        return b"".join([line, *[b"%b: %b\r\n" % field for field in fields], self._about_connection(fields), b"\r\n"])

    def is_complete_with(self, content: bytes) -> bool:
        """Whether nothing follows the head but *content*, as the head says."""
        return self._length == b"%d" % len(content)

    def content(self, data: bytes) -> tuple[bytes, ...]:
        """Return the parts of a piece of content; *data* is not empty."""
        return (b"%x\r\n" % len(data), data, b"\r\n") if self._is_chunked else (data,)

    def end(self) -> tuple[bytes, ...]:
        """Return what follows the content."""
        return (LAST_CHUNK,) if self._is_chunked else ()

    def _about_connection(self, fields: Sequence[Field]) -> bytes:
        lines = b"Transfer-Encoding: chunked\r\n" if self._is_chunked else b""
        options = [b"keep-alive"] if self.http_version == "1.0" else []
        if not self.is_kept:
            options = [b"close"]
        if any(name == b"Upgrade" for name, _ in fields):  # only the server's own pages have one
            options.append(b"Upgrade")
        return lines + b"Connection: %b\r\n" % b", ".join(options) if options else lines
