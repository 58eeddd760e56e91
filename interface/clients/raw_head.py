"""
The head of an HTTP/1 request: where it ends in the bytes of a connection, and what it says. Pure.

llhttp (``httptools``) reads it. What llhttp lets through or cannot tell apart is checked before: the request line, all
sizes, and line ends. What the fields mean is the matter of ``head`` and ``bodies``.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from httptools import (
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserInvalidURLError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from zmqlayer.interface.clients.head import BadRequest, Field
from zmqlayer.interface.options import ServerOptions

__all__ = ["RawHead", "blank_size", "cut_head", "read_raw_head"]

END: Final = b"\r\n\r\n"
REQUEST_LINE: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\xff]+)( HTTP/[0-9]\.[0-9])?\r\n")
BEGINNING: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}(?: |\Z)")
"""Of a request line; no method is longer, and TLS on a port without it is found out by its first byte."""
LONE_LINE_END: Final = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
VERSIONS: Final = {b" HTTP/1.1": "1.1", b" HTTP/1.0": "1.0"}
MAX_BLANK_LINES: Final = 8
"""Before a request; RFC 9112, 2.2 asks to ignore at least one."""


class RawHead(NamedTuple):
    """
    A head split into its parts, which are not checked yet.

    Attributes:
        line: The whole request line, without its end.
    """

    line: bytes
    method: bytes
    target: bytes
    http_version: str
    fields: list[Field]


def blank_size(data: bytes, before: int = 0) -> int:
    """
    Return the size of the whole blank lines that *data* begins with.

    Args:
        before: Of those that came earlier, since the last request.

    Raises:
        BadRequest: There are too many.
    """
    size = 0
    while data.startswith(b"\r\n", size):
        size += 2
    if before + size > 2 * MAX_BLANK_LINES:
        raise BadRequest("Too many blank lines stand before the request.", 400, "blank lines")
    return size


def cut_head(data: bytes, options: ServerOptions) -> tuple[bytes, bytes] | None:
    """
    Cut the head off.

    Args:
        data: What came since the request before, and the blank lines behind that; not empty.

    Returns:
        The head and what follows it, or None while the head is incomplete.

    Raises:
        BadRequest: It is too large, or can be no head whatever follows.
    """
    end = data.find(END) + len(END)
    if len(END) <= end <= options.max_header_size:
        return data[:end], data[end:]
    _check_beginning(data[: options.max_header_size], options.max_url_size)
    if len(data) > options.max_header_size:
        raise BadRequest("The headers are too large.", 431, "headers too large")
    return None


def read_raw_head(data: bytes, options: ServerOptions) -> RawHead:
    """
    Split a whole head into its parts.

    Raises:
        BadRequest: It is malformed, or over a limit.
    """
    line = REQUEST_LINE.match(data)
    if line is None:
        raise BadRequest("The request line is malformed.")
    method, target, version = line.groups()
    if len(target) > options.max_url_size:
        raise BadRequest("The URL is too long.", 414, "URL too long")
    if version not in VERSIONS:
        raise BadRequest("This server speaks HTTP/1.1 and HTTP/1.0 here.", 505, "unknown HTTP version")
    fields = _read_lines(data)
    if len(fields) > options.max_headers:
        raise BadRequest("There are too many headers.", 431, "too many headers")
    return RawHead(line[0][:-2], method, target, VERSIONS[version], fields)


class _Lines:
    """What llhttp calls."""

    __slots__ = ("fields", "heads")

    def __init__(self) -> None:
        self.fields: list[Field] = []
        self.heads = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.heads += 1


def _read_lines(data: bytes) -> list[Field]:
    lines = _Lines()
    try:
        HttpRequestParser(lines).feed_data(data)
    except HttpParserUpgrade:
        pass  # raised at the end of a head that asks for one
    except HttpParserInvalidMethodError:
        raise BadRequest("This server does not know the method.", 501, "unknown method") from None
    except HttpParserInvalidURLError:
        raise BadRequest("The request line is malformed: its target is no URL; percent-encode all but ASCII.") from None
    except HttpParserError:
        raise BadRequest("The headers are malformed.") from None
    if lines.heads != 1:
        raise BadRequest("The headers are malformed.")
    return lines.fields


def _check_beginning(start: bytes, max_url_size: int) -> None:
    """Find out early what will never be a head, so that its client need not wait."""
    line_end = start.find(b"\n") + 1
    if not BEGINNING.match(start) or LONE_LINE_END.search(start):
        raise BadRequest("This is no HTTP request.")
    line = REQUEST_LINE.match(start)
    if line and not line[3]:
        raise BadRequest("This server speaks HTTP/1.1 and HTTP/1.0 here.", 505, "unknown HTTP version")
    target = start[: line_end or None].split(b" ")[1:2]
    if target and len(target[0]) > max_url_size:
        raise BadRequest("The URL is too long.", 414, "URL too long")
    if line_end and not line:
        raise BadRequest("The request line is malformed.")
