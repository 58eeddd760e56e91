"""Ways to spoil a frame: by bytes, and by values inside its msgpack."""

from __future__ import annotations

import random
from typing import Any, Final

import msgpack

from zmqlayer.exceptions import ProtocolError
from zmqlayer.frames import HEADER_BYTES, Kind, pack, pack_batch, parse, parse_batch

__all__ = ["mutate"]

NUMBERS: Final = (0, 1, 2, 3, -1, 127, 255, 256, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1, -(2**63))
BOMBS: Final = (
    b"\x91" * 500 + b"\xc0",
    b"\x81\xa1a" * 2000 + b"\xc0",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff\xa1a",
    b"\xdb\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xffxx",
    b"\xc9\x00\x00\x00\x01\x05x",
    b"\xd6\xff\x00\x00\x00\x00",
    b"\x82\xa1a\x01\xa1a\x02",
    b"\x81\xc4\x01a\x01",
    b"\x81\xa1\xff\x01",
    b"\x81\xa1a\xa1\xff",
    msgpack.packb({str(number): number for number in range(10_000)}),
)


def mutate(draw: random.Random, wire: bytes, other: bytes) -> bytes:
    """Return *wire*, spoiled in one to three places, perhaps with a piece of *other*."""
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        wire = draw.choice(WAYS)(draw, wire, other)
    return wire


def _change_byte(draw: random.Random, wire: bytes, _other: bytes) -> bytes:
    if not wire:
        return wire
    place = draw.randrange(len(wire))
    return wire[:place] + bytes([draw.choice((0, 1, 127, 128, 255, draw.randrange(256)))]) + wire[place + 1 :]


def _change_body_byte(draw: random.Random, wire: bytes, _other: bytes) -> bytes:
    return wire[:HEADER_BYTES] + _change_byte(draw, wire[HEADER_BYTES:], b"")


def _cut(draw: random.Random, wire: bytes, _other: bytes) -> bytes:
    return wire[: draw.randrange(len(wire) + 1)]


def _repeat(draw: random.Random, wire: bytes, _other: bytes) -> bytes:
    start = draw.randrange(len(wire) + 1)
    piece = wire[start : start + draw.randrange(1, 30)]
    return wire[:start] + piece * draw.choice((0, 2, 3, 50)) + wire[start + len(piece) :]


def _splice(draw: random.Random, wire: bytes, other: bytes) -> bytes:
    return wire[: draw.randrange(len(wire) + 1)] + other[draw.randrange(len(other) + 1) :]


def _change_kind(draw: random.Random, wire: bytes, _other: bytes) -> bytes:
    kind = draw.choice([*Kind, 0, 99, 255])
    return wire[:17] + bytes([kind]) + wire[18:]


def _exchange_body(draw: random.Random, wire: bytes, other: bytes) -> bytes:
    body = draw.choice((*BOMBS, other[HEADER_BYTES:]))
    return wire[:HEADER_BYTES] + body


def _change_batch(draw: random.Random, wire: bytes, other: bytes) -> bytes:
    """Make a batch of a frame's messages, or of one more, with a false length now and then."""
    try:
        frame = parse(wire)
        bodies = parse_batch(frame.body) if frame.kind == Kind.BATCH else [frame.body]
    except ProtocolError:
        return wire
    bodies.insert(draw.randrange(len(bodies) + 1), draw.choice((b"", b"\x80", other[HEADER_BYTES:])))
    body = pack_batch(draw.choice((bodies, bodies[1:], bodies[::-1], 20 * bodies)))
    if draw.randrange(4) == 0:
        body = draw.choice(NUMBERS).to_bytes(16, signed=True)[-2:] + body[2:]
    return pack(frame.topic, Kind.BATCH, frame.source, frame.ttl_ms, frame.target, body, frame.sequence)


def _change_value(draw: random.Random, wire: bytes, _other: bytes) -> bytes:
    """Unpack a control payload, exchange one value in it, and pack it again."""
    try:
        payload = msgpack.unpackb(wire[HEADER_BYTES:], strict_map_key=False)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        return wire
    if not isinstance(payload, dict) or not payload:
        return wire
    key = draw.choice(list(payload))
    what = draw.randrange(4)
    if what == 0:
        del payload[key]
    elif what == 1 and isinstance(payload[key], list) and payload[key]:
        payload[key][draw.randrange(len(payload[key]))] = _anything(draw, 2)
    elif what == 1 and isinstance(payload[key], dict):
        payload[key][_text(draw)] = _anything(draw, 2)
    else:
        payload[key] = _anything(draw, 3)
    try:
        return wire[:HEADER_BYTES] + msgpack.packb(payload)
    except (ValueError, TypeError, OverflowError):
        return wire  # what was unpacked before need not be packable


def _anything(draw: random.Random, depth: int) -> Any:
    what = draw.randrange(9 if depth else 6)
    if what < 2:
        return draw.choice(NUMBERS)
    if what < 6:
        plain = (None, True, False, 0.5, float("nan"), float("inf"), _text(draw), _text(draw).encode())
        return draw.choice(plain)
    if what < 8:
        return [_anything(draw, depth - 1) for _ in range(draw.choice((0, 1, 2, 3, 200)))]
    return {_text(draw): _anything(draw, depth - 1) for _ in range(draw.choice((0, 1, 2, 50)))}


def _text(draw: random.Random) -> str:
    words = (
        "",
        "room",
        "jobs",
        "mail",
        "x!",
        "x!y",
        "a b",
        "ä",
        "tcp://b:1",
        "tcp://",
        "group_add",
        "flush",
        "n" * 300,
    )
    return draw.choice(words)


WAYS: Final = (
    _change_byte, _change_body_byte, _cut, _repeat, _splice, _change_kind, _exchange_body, _change_batch,
    _change_value, _change_value, _change_value, _change_value,
)  # fmt: skip
