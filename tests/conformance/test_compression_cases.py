"""Sections 12 and 13 of the Autobahn testsuite: permessage-deflate, with the parameters of clients. RFC 7692."""

from __future__ import annotations

import json
import random

import pytest

from support.connections import BINARY, CONTINUATION, PING, PONG, TEXT, frame
from support.echo import Case, Echo, binary, chop, deflate, fragments, play, text, with_bits

PLAIN = b"permessage-deflate"
COMPRESSED = 4
SIZES = (16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131_072)
KINDS = ("json", "zeros", "words", "random", "empty")
OFFERS = (
    PLAIN,
    PLAIN + b"; server_no_context_takeover",
    PLAIN + b"; server_max_window_bits=9",
    PLAIN + b"; server_max_window_bits=15",
    PLAIN + b"; server_no_context_takeover; server_max_window_bits=9",
    PLAIN + b"; server_no_context_takeover; server_max_window_bits=15",
    b", ".join((PLAIN + b"; server_no_context_takeover; server_max_window_bits=9", PLAIN)),
    PLAIN + b"; client_max_window_bits; client_no_context_takeover",
)


def payload_of(kind: str, size: int) -> bytes:
    """Return *size* bytes of one kind, the same each time."""
    chance = random.Random(f"{kind} {size}")
    if kind == "json":
        record = {"id": 1, "name": "Ωmega", "values": [chance.random() for _ in range(size // 16 + 4)]}
        return json.dumps(record, ensure_ascii=True).encode()[:size]
    if kind == "words":
        return b" ".join(chance.choice((b"alpha", b"beta", b"gamma")) for _ in range(size))[:size]
    if kind == "random":
        return chance.randbytes(size)
    return b"\0" * (size if kind == "zeros" else 0)


def message(payload: bytes, opcode: int, bits: int = 15) -> bytes:
    """Return one compressed message in one frame."""
    return with_bits(frame(opcode, deflate(payload, bits)), COMPRESSED)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_12(kind: str, size: int) -> None:
    """Section 12: messages of all kinds and sizes, ten of each, whole and in fragments."""
    payload = payload_of(kind, size)
    opcode = BINARY if kind in ("random", "zeros") else TEXT
    echo = Echo(PLAIN)

    for _ in range(5):
        echo.send(message(payload, opcode))
        echo.send(with_bits(fragments(opcode, *chop(deflate(payload), 997), b""), COMPRESSED))

    assert echo.read() == [(opcode, payload)] * 10
    echo.check_close()
    echo.site.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("number", range(1, len(OFFERS) + 1))
def test_13(number: int, size: int) -> None:
    """Section 13: the same with the parameters that a client may offer."""
    payload = payload_of("json", size)
    echo = Echo(OFFERS[number - 1])
    bits = 12 if b"client_max_window_bits=12" in echo.head else 15

    for _ in range(10):
        echo.send(message(payload, TEXT, bits))

    assert echo.read() == [text(payload)] * 10
    echo.check_close()
    echo.site.close()


ON = {"extensions": PLAIN}
SMALL = {**ON, "websocket_max_message_size": 1000}
HELLO = deflate(b"Hello")
NOISE = payload_of("random", 1000)
MISTAKES = [
    Case("an uncompressed message", (frame(TEXT, b"plain"),), (text(b"plain"),), None, ON),
    Case("an empty message", (with_bits(frame(TEXT, b"\0"), COMPRESSED),), (text(b""),), None, ON),
    Case("a compressed ping", (with_bits(frame(PING, b"x"), COMPRESSED),), (), 1002, ON),
    Case(
        "a ping between fragments",
        (
            with_bits(frame(TEXT, HELLO[:3], is_final=False), COMPRESSED)
            + frame(PING, b"?")
            + frame(CONTINUATION, HELLO[3:]),
        ),
        ((PONG, b"?"), text(b"Hello")),
        None,
        ON,
    ),
    Case(
        "a compressed continuation",
        (
            with_bits(frame(TEXT, HELLO[:3], is_final=False), COMPRESSED)
            + with_bits(frame(CONTINUATION, HELLO[3:]), COMPRESSED),
        ),
        (),
        1002,
        ON,
    ),
    Case("other reserved bits", (with_bits(frame(TEXT, HELLO), 6),), (), 1002, ON),
    Case("a compressed message that was not agreed on", (message(b"Hello", TEXT),), (), 1002, {}),
    Case("compression is switched off", (message(b"Hello", TEXT),), (), 1002, {**ON, "websocket_compression": False}),
    Case("not deflate", (with_bits(frame(BINARY, b"\xff" * 8), COMPRESSED),), (), 1007, ON),
    Case("text that is not UTF-8", (message(b"\xff", TEXT),), (), 1007, ON),
    Case("a message at the limit", (message(NOISE, BINARY),), (binary(NOISE),), None, SMALL),
    Case("a message at the limit, in reads of a byte", chop(message(NOISE, BINARY)), (binary(NOISE),), None, SMALL),
    Case("a message over the limit", (message(bytes(1001), BINARY),), (), 1009, SMALL),
    Case("a bomb", (message(bytes(1_000_000), BINARY),), (), 1009, SMALL),
    Case(
        "a bomb in fragments",
        (with_bits(fragments(BINARY, *chop(deflate(bytes(1_000_000)), 10)), COMPRESSED),),
        (),
        1009,
        SMALL,
    ),
    Case("a bomb in reads of a byte", chop(message(bytes(1_000_000), BINARY)), (), 1009, SMALL),
    Case(
        "many messages below the limit in one read",
        (message(bytes(1000), BINARY) * 50,),
        (binary(bytes(1000)),) * 50,
        None,
        SMALL,
    ),
]


@pytest.mark.parametrize("case", MISTAKES, ids=str)
def test_what_the_testsuite_leaves_out(case: Case) -> None:
    """RFC 7692, 6; and limits that hold after decompression."""
    play(case)
