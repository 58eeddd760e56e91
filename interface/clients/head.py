"""
The head of a request, checked: what is not in order never becomes a message. Pure.

A codec has split the head into fields; here it is decided whether they mean one thing to everybody who reads them: this
server, a proxy in front of it, the worker behind it, and Autobahn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from zmqlayer.exceptions import ZmqLayerError

__all__ = ["LENGTH", "TOKEN", "BadRequest", "Field", "Head", "is_host", "read_fields", "read_head"]

Field = tuple[bytes, bytes]

TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
LENGTH: Final = re.compile(rb"[0-9]{1,18}\Z")
"""Of a body; more digits than any body has bytes."""
ABSOLUTE: Final = re.compile(rb"(?i:https?)://([^/?#]+)(.*)\Z", re.DOTALL)
HOST: Final = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[0-9A-Za-z\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::([0-9]{0,5}))?\Z"
)
"""RFC 3986, 3.2.2 and 3.2.3, without addresses of the future."""
MAX_PORT: Final = 65_535
BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
UNSAFE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f\x85]")
"""
Control bytes, and 0x85, which is a line end to ``str.splitlines``: parsers differ on what follows one
(CVE-2026-44546).
"""


COMMON: Final = (
    b"host connection user-agent accept accept-encoding accept-language cookie referer origin content-type "
    b"content-length transfer-encoding cache-control pragma if-none-match if-modified-since range authorization dnt "
    b"upgrade upgrade-insecure-requests x-forwarded-for x-forwarded-proto x-forwarded-host x-requested-with "
    b"x-csrftoken sec-fetch-site sec-fetch-mode sec-fetch-dest sec-fetch-user sec-ch-ua sec-ch-ua-mobile "
    b"sec-ch-ua-platform priority te expect"
)
KNOWN: Final = {spelt: name for name in COMMON.split() for spelt in (name, name.title())}
"""Names that need no check, as clients spell them; for speed."""


class BadRequest(ZmqLayerError):
    """
    A client's request cannot be served; it is told why.

    Attributes:
        status: HTTP status to answer with.
        sentence: For the client: what is wrong with the request.
        fault: For the operator, as ``Faults.note`` counts it.
    """

    def __init__(self, sentence: str, status: int = 400, fault: str = "malformed head") -> None:
        super().__init__(sentence, status, fault)
        self.sentence = sentence
        self.status = status
        self.fault = fault

    def __str__(self) -> str:
        return self.sentence


class Head(NamedTuple):
    """
    The head of one request.

    Attributes:
        http_version: ``"1.0"``, ``"1.1"`` or ``"2"``.
        method: Upper case.
        path: Percent-decoded.
        query_string: Raw, without the question mark.
        fields: Names in lower case, values as sent; order and repetitions kept.
    """

    http_version: str
    method: str
    path: str
    query_string: bytes
    fields: tuple[Field, ...]

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of every field called *name*, in order."""
        return [value for known, value in self.fields if known == name]

    def tokens(self, name: bytes) -> set[bytes]:
        """Return the members of a comma-separated field, in lower case."""
        return {token.strip().lower() for value in self.values(name) for token in value.split(b",")}

    @property
    def awaits_invitation(self) -> bool:
        """Whether the client sends its body only after ``100 Continue`` (RFC 9110, 10.1.1)."""
        return self.http_version != "1.0" and bool(self.values(b"expect"))

    @property
    def announces_body(self) -> bool:
        """Whether a header says that a body follows; HTTP/2 needs none for that."""
        return bool(self.values(b"transfer-encoding") or set(self.values(b"content-length")) - {b"0"})

    @property
    def is_websocket(self) -> bool:
        """Whether the client asks to speak WebSocket; the handshake may still be wrong."""
        return self.http_version == "1.1" and b"websocket" in self.tokens(b"upgrade")


def read_head(method: bytes, target: bytes, http_version: str, fields: Iterable[Field]) -> Head:
    """
    Check one request's head.

    Args:
        target: The request target, as it stands in the request line.
        http_version: ``"1.0"``, ``"1.1"`` or ``"2"``.
        fields: Names and values, in the order in which they came.

    Raises:
        BadRequest: With the sentence for the client.
    """
    if not TOKEN.match(method):
        raise BadRequest("The method is not a token.")
    if method.upper() == b"CONNECT":
        raise BadRequest("This server is no proxy.", 501, "asked for a proxy")
    if b"#" in target:
        raise BadRequest("The request target holds a fragment.")
    authority, origin_form = _split_target(method, target)
    path, _, query_string = origin_form.partition(b"?")
    head = Head(
        http_version=http_version,
        method=method.decode("ascii").upper(),
        path=_decode_path(path),
        query_string=query_string,
        fields=_place_host(read_fields(fields), authority, http_version),
    )
    if head.awaits_invitation and head.tokens(b"expect") != {b"100-continue"}:
        raise BadRequest("The only expectation met is 100-continue.", 417, "unknown expectation")
    return head


def is_host(value: bytes) -> bool:
    """Whether *value* is the name or the address of a host, with a port or without (RFC 9110, 4.2.1 and 7.2)."""
    host = HOST.match(value)
    return host is not None and int(host[1] or 0) <= MAX_PORT


def read_fields(fields: Iterable[Field]) -> tuple[Field, ...]:
    """
    Check header fields, lower their names, and strip blanks from their values.

    A name with an underscore is left out: a worker could take it for its twin with a hyphen (CVE-2015-0219).

    Raises:
        BadRequest: A name is not a token, or a value holds a control byte.
    """
    checked = []
    for name, value in fields:
        known = KNOWN.get(name)
        if known is None:
            if not TOKEN.match(name):
                raise BadRequest("The name of a header is not a token.")
            known = b"" if b"_" in name else name.lower()
        if UNSAFE.search(value):
            raise BadRequest("The value of a header holds a control character.")
        if known:
            checked.append((known, value.strip(b" \t")))
    return tuple(checked)


def _split_target(method: bytes, target: bytes) -> tuple[bytes | None, bytes]:
    """Return the authority, where the target names one (RFC 9112, 3.2.2), and the target in origin form."""
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return None, target
    absolute = ABSOLUTE.match(target)
    if not absolute:
        raise BadRequest("The request target is neither a path nor an http URL.")
    rest = absolute[2]
    return absolute[1], rest if rest.startswith(b"/") else b"/" + rest


def _decode_path(path: bytes) -> str:
    if b"%" not in path:
        return _decode(path)
    if BAD_PERCENT.search(path):
        raise BadRequest("The path holds a percent sign that two hexadecimal digits do not follow.")
    if b"%00" in path:
        raise BadRequest("The path holds a null byte.")
    return _decode(unquote_to_bytes(path))


def _decode(path: bytes) -> str:
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The path is not UTF-8 once its percent signs are decoded.") from None


def _place_host(fields: tuple[Field, ...], authority: bytes | None, http_version: str) -> tuple[Field, ...]:
    """Hold *fields* to one Host header, whose value is the target's authority where there is one, or empty."""
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (not hosts and http_version == "1.1"):
        raise BadRequest("A request needs exactly one Host header.")
    if authority is None:
        if hosts and hosts[0] and not is_host(hosts[0]):
            raise BadRequest("The Host header holds no host.")
        return fields
    if not is_host(authority):
        raise BadRequest("The request target names no host as the Host header would.")
    others = tuple(field for field in fields if field[0] != b"host")
    return ((b"host", authority), *others)
