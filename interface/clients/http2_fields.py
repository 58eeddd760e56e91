"""
The header fields of HTTP/2: pseudo-headers and all (RFC 9113, 8). Pure; ``http2`` calls it.

h2's own checks end the connection; RFC 9113, 8.1.1 asks for the end of the one stream. So they are made here, and h2
makes none. What is not particular to HTTP/2 is left to ``head``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from hpack import HeaderTuple, NeverIndexedHeaderTuple

from zmqlayer.interface.clients.head import BadRequest, Field, Head, is_host, read_head
from zmqlayer.interface.options import ServerOptions

__all__ = [
    "ENTRY_SIZE",
    "Malformed",
    "check_size",
    "check_trailers",
    "content_length",
    "read_request",
    "request_line",
    "response_fields",
]

ENTRY_SIZE: Final = 32
"""What each field counts in the size of a head, beyond its bytes (RFC 9113, 6.5.2)."""
PSEUDO: Final = frozenset({b":method", b":scheme", b":authority", b":path"})
CONNECTION_SPECIFIC: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
BAD_NAME: Final = re.compile(rb"[^!-9;-@\[-~]")
BAD_VALUE: Final = re.compile(rb"[\x00\r\n]|\A[ \t]|[ \t]\Z")
PATH: Final = re.compile(rb"[/*][\x21-\x7e]*\Z")
"""As strict as a request line: with a blank in it a log could be read in two ways."""
DIGITS: Final = re.compile(rb"[0-9]{1,18}\Z")
SECRET: Final = frozenset({b"set-cookie"})
"""Kept out of the table of known fields, where a guess at one could be seen by the size (RFC 7541, 7.1.3)."""


class Malformed(BadRequest):
    """The fields break a rule of HTTP/2: the stream is reset, after an answer."""


def request_line(fields: Iterable[Field]) -> bytes:
    """Return what the access log shows in place of HTTP/1's request line."""
    pseudo = dict(field for field in fields if field[0] in (b":method", b":path"))
    return b"%b %b HTTP/2" % (pseudo.get(b":method", b"-"), pseudo.get(b":path", b"-"))


def check_size(fields: Sequence[Field], options: ServerOptions) -> None:
    """
    Hold a head to the limits.

    Raises:
        BadRequest: It is over one.
    """
    if sum(len(name) + len(value) + ENTRY_SIZE for name, value in fields) > options.max_header_size:
        raise BadRequest("The headers are too large.", 431, "headers too large")
    if len(fields) > options.max_headers + len(PSEUDO):
        raise BadRequest("There are too many headers.", 431, "too many headers")
    if any(name == b":path" and len(value) > options.max_url_size for name, value in fields):
        raise BadRequest("The URL is too long.", 414, "URL too long")


def read_request(fields: Sequence[Field]) -> Head:
    """
    Check the fields that open a stream.

    Raises:
        Malformed: They are no request of HTTP/2.
        BadRequest: They are one, but not in order.
    """
    pseudo, ordinary = _split(fields)
    _check_fields(ordinary)
    method = pseudo.get(b":method", b"")
    if method.upper() == b"CONNECT":
        raise BadRequest("This server is no proxy.", 501, "asked for a proxy")
    path, scheme = pseudo.get(b":path"), pseudo.get(b":scheme")
    if not method or not path or not scheme:
        raise Malformed("A request needs :method, :scheme and :path.")
    if scheme not in (b"https", b"http"):
        raise Malformed("The scheme is neither https nor http.")
    if not PATH.match(path):
        raise Malformed("The :path is neither a path nor an asterisk; percent-encode all but printable ASCII.")
    return read_head(method, path, "2", _place_authority(pseudo.get(b":authority"), _join_cookies(ordinary)))


def content_length(fields: Iterable[Field]) -> int | None:
    """
    Return the length of the body as the head tells it; None if it does not.

    Raises:
        Malformed: It tells no number, or two.
    """
    lengths = {value for name, value in fields if name == b"content-length"}
    if not lengths:
        return None
    length = lengths.pop()
    if lengths or not DIGITS.match(length):
        raise Malformed("The Content-Length is not one whole number.")
    return int(length)


def check_trailers(fields: Sequence[Field]) -> None:
    """
    Check the fields that close a body; what they say is not used.

    Raises:
        Malformed: They are none that may stand there (RFC 9113, 8.1).
    """
    pseudo, ordinary = _split(fields)
    if pseudo:
        raise Malformed("A trailer holds a pseudo-header.")
    _check_fields(ordinary)


def response_fields(status: int, fields: Iterable[Field]) -> list[HeaderTuple]:
    """Return the fields that open a response: names in lower case, none about a connection."""
    lowered = ((name.lower(), value.strip()) for name, value in fields)
    return [
        HeaderTuple(b":status", b"%d" % status),
        *(
            NeverIndexedHeaderTuple(name, value) if name in SECRET else HeaderTuple(name, value)
            for name, value in lowered
            if name not in CONNECTION_SPECIFIC
        ),
    ]


def _split(fields: Sequence[Field]) -> tuple[dict[bytes, bytes], Sequence[Field]]:
    """Part the pseudo-headers, which come first, each at most once, from the others (RFC 9113, 8.3)."""
    pseudo: dict[bytes, bytes] = {}
    for name, value in fields:
        if not name.startswith(b":"):
            break
        if name not in PSEUDO or name in pseudo or BAD_VALUE.search(value):
            raise Malformed("A pseudo-header is unknown, or there twice, or holds what it must not.")
        pseudo[name] = value
    return pseudo, fields[len(pseudo) :]


def _check_fields(fields: Iterable[Field]) -> None:
    """Hold names and values to RFC 9113, 8.2.1 and 8.2.2."""
    for name, value in fields:
        if not name or BAD_NAME.search(name):
            raise Malformed("The name of a header is empty, or holds a capital or another byte that it must not.")
        if BAD_VALUE.search(value):
            raise Malformed("The value of a header holds a line end or a null byte, or has space around it.")
        if name in CONNECTION_SPECIFIC or (name == b"te" and value.lower() != b"trailers"):
            raise Malformed("A header is about a connection, which HTTP/2 does not have.")


def _place_authority(authority: bytes | None, fields: list[Field]) -> list[Field]:
    """Put the authority first, as Host, which must say the same if it is there too (RFC 9113, 8.3.1)."""
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (authority is None and not hosts):
        raise Malformed("A request needs one :authority, or one Host header.")
    if authority is None:
        return fields
    if not is_host(authority) or (hosts and hosts[0].lower() != authority.lower()):
        raise Malformed("The :authority is not one host, or the Host header names another.")
    return [(b"host", authority), *(field for field in fields if field[0] != b"host")]


def _join_cookies(fields: Sequence[Field]) -> list[Field]:
    """Make one field of the crumbs that a client may send of its cookies (RFC 9113, 8.2.3), where the first stood."""
    crumbs = [value for name, value in fields if name == b"cookie"]
    if len(crumbs) < 2:
        return list(fields)
    joined: list[Field] = []
    for name, value in fields:
        if name != b"cookie":
            joined.append((name, value))
        elif crumbs:
            joined.append((name, b"; ".join(crumbs)))
            crumbs.clear()
    return joined
