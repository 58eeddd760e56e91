"""Section 7 of the Autobahn testsuite: the closing handshake. RFC 6455, 5.5.1 and 7."""

from __future__ import annotations

import struct

import pytest

from support.connections import CLOSE, CONTINUATION, PING, TEXT, frame
from support.echo import Case, play, text


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    """Return a client's close frame."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def closed(code: int | None = None, reason: bytes = b"") -> tuple[int, bytes]:
    """Return the server's close frame."""
    return CLOSE, b"" if code is None else struct.pack("!H", code) + reason


LARGE = b"*" * 262_144
ORDER = [
    Case("7.1.1", (frame(TEXT, b"hi") + close(1000),), (text(b"hi"), closed(1000))),
    Case("7.1.2", (close(1000) + close(1000),), (closed(1000),)),
    Case("7.1.3", (close(1000) + frame(PING),), (closed(1000),)),
    Case("7.1.4", (close(1000) + frame(TEXT, b"late"),), (closed(1000),)),
    Case("7.1.5", (frame(TEXT, b"a", is_final=False) + close(1000) + frame(CONTINUATION, b"b"),), (closed(1000),)),
    Case(
        "7.1.6",
        (frame(TEXT, LARGE) + frame(TEXT, b"hi") + close(1000) + frame(PING),),
        (text(LARGE), text(b"hi"), closed(1000)),
    ),
]
PAYLOADS = [
    Case("7.3.1", (close(),), (closed(),)),
    Case("7.3.2", (frame(CLOSE, b"a"),), (), 1002),
    Case("7.3.3", (close(1000),), (closed(1000),)),
    Case("7.3.4", (close(1000, b"bye"),), (closed(1000, b"bye"),)),
    Case("7.3.5", (close(1000, b"*" * 123),), (closed(1000, b"*" * 123),)),
    Case("7.3.6", (bytes([0x88, 0xFE, 0, 126]) + bytes(4) + struct.pack("!H", 1000) + b"*" * 124,), (), 1002),
    Case("7.5.1", (close(1000, "κόσμε".encode() + b"\xed\xa0\x80"),), (), 1007),
    Case("7.5.2", (close(1000, "κόσμε".encode()[:-1]),), (), 1007),
]
VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999)
INVALID = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999)
BEYOND = (5000, 65535)
CODES = [
    *(Case(f"7.7.{n}", (close(code),), (closed(code),)) for n, code in enumerate(VALID, 1)),
    *(Case(f"7.9.{n}", (close(code),), (), 1002) for n, code in enumerate(INVALID, 1)),
    *(Case(f"7.13.{n}", (close(code),), (), 1002) for n, code in enumerate(BEYOND, 1)),
]


@pytest.mark.parametrize("case", [*ORDER, *PAYLOADS, *CODES], ids=str)
def test_case(case: Case) -> None:
    """A close is answered with the same; nothing is said after it."""
    play(case)
