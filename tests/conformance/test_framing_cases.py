"""Sections 1 to 5 of the Autobahn testsuite: framing, pings, reserved bits, opcodes, fragmentation. RFC 6455, 5."""

from __future__ import annotations

import pytest

from support.connections import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame
from support.echo import Case, binary, chop, fragments, play, text, with_bits

SIZES = (0, 125, 126, 127, 128, 65535, 65536)

FRAMING = [
    *(Case(f"1.1.{n}", (frame(TEXT, b"*" * size),), (text(b"*" * size),)) for n, size in enumerate(SIZES, 1)),
    Case("1.1.8", chop(frame(TEXT, b"*" * 65536), 997), (text(b"*" * 65536),)),
    *(Case(f"1.2.{n}", (frame(BINARY, b"\xfe" * size),), (binary(b"\xfe" * size),)) for n, size in enumerate(SIZES, 1)),
    Case("1.2.8", chop(frame(BINARY, b"\xfe" * 65536), 997), (binary(b"\xfe" * 65536),)),
]

LONG_PING = bytes([0x80 | PING, 0x80 | 126, 0, 126]) + bytes(4) + b"\xfe" * 126
TEN = [frame(PING, b"ping %d" % n) for n in range(10)]
TEN_PONGS = tuple((PONG, b"ping %d" % n) for n in range(10))

PINGS = [
    Case("2.1", (frame(PING),), ((PONG, b""),)),
    Case("2.2", (frame(PING, b"Hello"),), ((PONG, b"Hello"),)),
    Case("2.3", (frame(PING, b"\x00\xff\xfe\xfd"),), ((PONG, b"\x00\xff\xfe\xfd"),)),
    Case("2.4", (frame(PING, b"\xfe" * 125),), ((PONG, b"\xfe" * 125),)),
    Case("2.5", (LONG_PING,), (), 1002),
    Case("2.6", chop(frame(PING, b"\xfe" * 125)), ((PONG, b"\xfe" * 125),)),
    Case("2.7", (frame(PONG),)),
    Case("2.8", (frame(PONG, b"unasked"),)),
    Case("2.9", (frame(PONG, b"unasked") + frame(PING, b"asked"),), ((PONG, b"asked"),)),
    Case("2.10", (b"".join(TEN),), TEN_PONGS),
    Case("2.11", chop(b"".join(TEN)), TEN_PONGS),
]

GOOD, OTHER = frame(TEXT, b"good"), frame(TEXT, b"other")
RESERVED = [
    Case("3.1", (with_bits(GOOD, 4),), (), 1002),
    Case("3.2", (GOOD + with_bits(OTHER, 2) + frame(PING),), (text(b"good"),), 1002),
    Case("3.3", (GOOD, with_bits(OTHER, 3), frame(PING)), (text(b"good"),), 1002),
    Case("3.4", chop(GOOD + with_bits(OTHER, 4) + frame(PING)), (text(b"good"),), 1002),
    Case("3.5", (with_bits(frame(BINARY, b"\xff"), 5),), (), 1002),
    Case("3.6", (with_bits(frame(PING, b"x"), 6),), (), 1002),
    Case("3.7", (with_bits(frame(CLOSE), 7),), (), 1002),
]

OPCODES = [
    Case(f"4.{section}.{number}", (*before, frame(opcode, payload), frame(PING)), after, 1002)
    for section, opcodes in ((1, (3, 4, 5, 6, 7)), (2, (11, 12, 13, 14, 15)))
    for number, (opcode, payload, before, after) in enumerate(
        zip(
            opcodes,
            (b"", b"reserved", b"", b"reserved", b""),
            ((), (), (GOOD,), (GOOD,), (GOOD,)),
            ((), (), (text(b"good"),), (text(b"good"),), (text(b"good"),)),
            strict=True,
        ),
        1,
    )
]

TWO = fragments(TEXT, b"fragment1", b"fragment2")
ONE_TEXT = text(b"fragment1fragment2")
START = frame(TEXT, b"fragment1", is_final=False)
END = frame(CONTINUATION, b"fragment2")
BETWEEN = START + frame(PING, b"between") + END
LOOSE = frame(CONTINUATION, b"nothing to continue")
LOOSE_OPEN = frame(CONTINUATION, b"nothing to continue", is_final=False)
FIVE = [b"fragment%d" % n for n in range(1, 6)]
INTERLEAVED = (
    frame(TEXT, FIVE[0], is_final=False)
    + frame(CONTINUATION, FIVE[1], is_final=False)
    + frame(PING, b"one")
    + frame(CONTINUATION, FIVE[2], is_final=False)
    + frame(CONTINUATION, FIVE[3], is_final=False)
    + frame(PING, b"two")
    + frame(CONTINUATION, FIVE[4])
)
INTERLEAVED_ANSWER = ((PONG, b"one"), (PONG, b"two"), text(b"".join(FIVE)))

FRAGMENTS = [
    Case("5.1", (frame(PING, b"a", is_final=False) + frame(CONTINUATION, b"b"),), (), 1002),
    Case("5.2", (frame(PONG, b"a", is_final=False) + frame(CONTINUATION, b"b"),), (), 1002),
    Case("5.3", (TWO,), (ONE_TEXT,)),
    Case("5.4", (START, END), (ONE_TEXT,)),
    Case("5.5", chop(TWO), (ONE_TEXT,)),
    Case("5.6", (BETWEEN,), ((PONG, b"between"), ONE_TEXT)),
    Case("5.7", (START, frame(PING, b"between"), END), ((PONG, b"between"), ONE_TEXT)),
    Case("5.8", chop(BETWEEN), ((PONG, b"between"), ONE_TEXT)),
    Case("5.9", (LOOSE + GOOD,), (), 1002),
    Case("5.10", (LOOSE, GOOD), (), 1002),
    Case("5.11", chop(LOOSE + GOOD), (), 1002),
    Case("5.12", (LOOSE_OPEN + GOOD,), (), 1002),
    Case("5.13", (LOOSE_OPEN, GOOD), (), 1002),
    Case("5.14", chop(LOOSE_OPEN + GOOD), (), 1002),
    Case("5.15", (TWO + LOOSE_OPEN + GOOD,), (ONE_TEXT,), 1002),
    Case("5.16", (LOOSE_OPEN + START + END,) * 2, (), 1002),
    Case("5.17", (LOOSE + START + END,) * 2, (), 1002),
    Case("5.18", (START + frame(TEXT, b"fragment2"),), (), 1002),
    Case("5.19", (INTERLEAVED,), INTERLEAVED_ANSWER),
    Case("5.20", chop(INTERLEAVED), INTERLEAVED_ANSWER),
]


@pytest.mark.parametrize("case", [*FRAMING, *PINGS, *RESERVED, *OPCODES, *FRAGMENTS], ids=str)
def test_case(case: Case) -> None:
    """What comes back is what the RFC asks for, to the byte."""
    play(case)


UNMASKED = [
    Case("unmasked text", (bytes([0x81, 2]) + b"hi",), (), 1002),
    Case("unmasked close", (bytes([0x88, 0]),), (), 1002),
    Case("length in 2 bytes for 125", (bytes([0x82, 0xFE, 0, 125]) + bytes(129),), (), 1002),
    Case("length in 8 bytes for 65535", (bytes([0x82, 0xFF]) + (65535).to_bytes(8, "big") + bytes(4),), (), 1002),
    Case("length of 2**63", (bytes([0x82, 0xFF]) + (2**63).to_bytes(8, "big") + bytes(4),), (), 1002),
]


@pytest.mark.parametrize("case", UNMASKED, ids=str)
def test_what_the_testsuite_leaves_out(case: Case) -> None:
    """RFC 6455, 5.1 and 5.2: clients mask, and write a length in as few bytes as it takes."""
    play(case)
