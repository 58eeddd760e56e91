"""Sections 9 and 10 of the Autobahn testsuite: large messages, many fragments, small reads; and our limits."""

from __future__ import annotations

import pytest

from support.connections import BINARY, TEXT, frame
from support.echo import Case, binary, chop, fragments, play, text

SIZES = (65_536, 262_144, 1_048_576)
MEGABYTE = b"*" * 1_048_576

LARGE = [
    *(Case(f"9.1.{n}", (frame(TEXT, b"*" * size),), (text(b"*" * size),)) for n, size in enumerate(SIZES, 1)),
    *(Case(f"9.2.{n}", (frame(BINARY, b"\0" * size),), (binary(b"\0" * size),)) for n, size in enumerate(SIZES, 1)),
]
PIECES = [
    *(
        Case(f"9.3.{n}", (fragments(TEXT, *chop(MEGABYTE, size)),), (text(MEGABYTE),))
        for n, size in enumerate((256, 1024, 4096, 16384, 65536, 262_144), 1)
    ),
    *(
        Case(f"9.4.{n}", (fragments(BINARY, *chop(MEGABYTE, size)),), (binary(MEGABYTE),))
        for n, size in enumerate((256, 1024, 4096, 16384, 65536, 262_144), 1)
    ),
]
READS = [
    *(
        Case(f"9.5.{n}", chop(frame(TEXT, MEGABYTE), size), (text(MEGABYTE),))
        for n, size in enumerate((256, 1024, 4096, 16384), 1)
    ),
    *(
        Case(f"9.6.{n}", chop(frame(BINARY, MEGABYTE), size), (binary(MEGABYTE),))
        for n, size in enumerate((256, 1024, 4096, 16384), 1)
    ),
]
MANY = [
    *(
        Case(f"9.7.{n}", (frame(TEXT, b"*" * size) * 100,), (text(b"*" * size),) * 100)
        for n, size in enumerate((0, 16, 64, 256, 1024), 1)
    ),
    *(
        Case(f"9.8.{n}", (frame(BINARY, b"*" * size) * 100,), (binary(b"*" * size),) * 100)
        for n, size in enumerate((0, 16, 64, 256, 1024), 1)
    ),
]
SPLIT = [Case("10.1.1", (fragments(TEXT, *chop(b"*" * 65_536, 1300)),), (text(b"*" * 65_536),))]


@pytest.mark.parametrize("case", [*LARGE, *PIECES, *READS, *MANY, *SPLIT], ids=str)
def test_case(case: Case) -> None:
    """Messages come back whole, however they arrive."""
    play(case)


SMALL = {"websocket_max_message_size": 1000, "websocket_max_frame_size": 400}
LIMITS = [
    Case("a message at the limit", (fragments(BINARY, *chop(bytes(1000), 400)),), (binary(bytes(1000)),), None, SMALL),
    Case("a message over the limit", (fragments(BINARY, *chop(bytes(1001), 400)),), (), 1009, SMALL),
    Case("a frame at the limit", (frame(BINARY, bytes(400)),), (binary(bytes(400)),), None, SMALL),
    Case("a frame over the limit", (frame(BINARY, bytes(401)),), (), 1009, SMALL),
    Case("the head of a frame over the limit", (frame(BINARY, bytes(401))[:8],), (), 1009, SMALL),
    Case("empty fragments count for nothing", (fragments(TEXT, *[b""] * 2000, b"x"),), (text(b"x"),), None, SMALL),
]


@pytest.mark.parametrize("case", LIMITS, ids=str)
def test_limits(case: Case) -> None:
    """Of a frame and of a message: 1009, as soon as it is known."""
    play(case)
