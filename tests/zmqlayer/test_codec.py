"""The codec: a table both ways, what is refused with which sentence, and whatever bytes a peer may send."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.strategies import messages, quick, values
from zmqlayer.codec import MAX_DEPTH, decode, encode, pack_control, unpack_control
from zmqlayer.exceptions import InvalidMessage, MessageTooLarge, ProtocolError
from zmqlayer.messages import Message

ROOM = 1_000_000

TABLE: list[tuple[Message, str]] = [
    ({}, "80"),
    ({"a": None}, "81a161c0"),
    ({"a": True, "b": False}, "82a161c3a162c2"),
    ({"a": 1, "b": -(2**63)}, "82a16101a162d38000000000000000"),
    ({"a": 2**64 - 1}, "81a161cfffffffffffffffff"),
    ({"a": 0.5}, "81a161cb3fe0000000000000"),
    ({"a": "ü"}, "81a161a2c3bc"),
    ({"a": b"\x00\xff"}, "81a161c40200ff"),
    ({"a": [["b", b"c"]], "d": {"e": []}}, "82a1619192a162c40163a16481a16590"),
]

Read = Callable[[bytes], dict[str, Any]]
READERS: list[Read] = [decode, unpack_control]


class Color(IntEnum):
    RED = 3


class Name(str):
    pass


class Place(StrEnum):
    A = "a"


class Point(NamedTuple):
    x: int
    y: int


def nested(levels: int) -> Message:
    """Return a message whose containers are *levels* deep, itself included."""
    value: Any = []
    for _ in range(levels - 2):
        value = [value]
    return {"a": value}


@pytest.mark.parametrize(("message", "wire"), TABLE)
def test_messages_are_these_bytes(message: Message, wire: str) -> None:
    """A message becomes exactly these bytes, and so does a control payload."""
    assert encode("c", message, ROOM).hex() == wire
    assert pack_control(message).hex() == wire


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(("message", "wire"), TABLE)
def test_these_bytes_are_messages(read: Read, message: Message, wire: str) -> None:
    """These bytes become exactly this message or payload, bytes and texts kept apart."""
    assert repr(read(bytes.fromhex(wire))) == repr(message)


@quick
@given(messages)
def test_messages_survive_the_wire(message: Message) -> None:
    """Every legal message comes back equal, and what the reader gets is its own copy."""
    copy = decode(encode("c", message, ROOM))

    assert copy == message
    assert copy is not message


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ((1, (2,)), [1, [2]]),
        (Point(1, 2), [1, 2]),
        (OrderedDict(a=1), {"a": 1}),
        (bytearray(b"a"), b"a"),
        (memoryview(b"a"), b"a"),
        (Color.RED, 3),
    ],
)
def test_relatives_become_plain(sent: object, received: object) -> None:
    """Tuples arrive as lists, byte arrays as bytes, and subclasses as what they derive from."""
    assert decode(encode("c", {"a": sent}, ROOM)) == {"a": received}


@pytest.mark.parametrize("key", [Name("a"), Place.A])
def test_keys_become_plain_too(key: str) -> None:
    """A key of a class that derives from str arrives as that str, at the top and inside, as it does as a value."""
    copy = decode(encode("c", {key: [{key: key}]}, ROOM))

    assert copy == {"a": [{"a": "a"}]}
    assert {type(text) for text in (*copy, *copy["a"][0], *copy["a"][0].values())} == {str}


@pytest.mark.parametrize("message", [None, [], "text", b"bytes", 3, [("a", 1)]])
def test_only_dicts_are_messages(message: object) -> None:
    """Anything but a dict is refused, by a TypeError that shows it and says what it is."""
    with pytest.raises(InvalidMessage, match=rf"a dict is needed, not {type(message).__name__}") as caught:
        encode("c", message, ROOM)  # type: ignore[arg-type]  # what a caller without types may do

    assert isinstance(caught.value, TypeError)
    assert caught.value.value is message


@pytest.mark.parametrize("key", [1, None, b"a", ("a",), Decimal(1)])
def test_keys_are_texts(key: object) -> None:
    """A key of another type is refused and shown, at the top and inside."""
    with pytest.raises(InvalidMessage, match=r"in message is a key of type \w+: keys must be str"):
        encode("c", {key: 1}, ROOM)  # type: ignore[dict-item]  # what a caller without types may do
    with pytest.raises(InvalidMessage, match=r"in message\['a'\]\[1\] is a key of type"):
        encode("c", {"a": [0, {key: 1}]}, ROOM)


@pytest.mark.parametrize("value", [Decimal(1), object(), {1}, 1j, msgpack.Timestamp(1), msgpack.ExtType(5, b"x")])
def test_other_values_are_refused(value: object) -> None:
    """A value that no message can carry is refused with its place, its type and what can be carried."""
    sentence = rf"is a {type(value).__name__}: a message can carry bytes, str, int, float, bool, None, list and dict"

    with pytest.raises(InvalidMessage, match=rf"in message\['a'\] {sentence}"):
        encode("c", {"a": value}, ROOM)
    with pytest.raises(InvalidMessage, match=rf"in message\['a'\]\[1\]\['b'\] {sentence}"):
        encode("c", {"a": [0, {"b": value}]}, ROOM)


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1])
def test_integers_have_64_bits(value: int) -> None:
    """An integer beyond 64 bits is refused, shown and named."""
    with pytest.raises(InvalidMessage, match=rf"{value} in message\['a'\] does not fit in 64 bits"):
        encode("c", {"a": value}, ROOM)
    with pytest.raises(InvalidMessage, match=rf"{value} in message\['a'\]\[0\] does not fit in 64 bits"):
        encode("c", {"a": [value]}, ROOM)


def test_texts_are_unicode() -> None:
    """Half a surrogate pair cannot be encoded, and is refused with its place."""
    with pytest.raises(InvalidMessage, match=r"in message\['a'\] is not valid Unicode"):
        encode("c", {"a": "\ud800"}, ROOM)
    with pytest.raises(InvalidMessage, match=r"cannot be sent: .*surrogates"):
        encode("c", {"\ud800": 1}, ROOM)


def test_memory_with_gaps_is_refused() -> None:
    """What passes every check and still cannot be packed is refused too, with msgpack's own reason."""
    with pytest.raises(InvalidMessage, match=r"cannot be sent: .*contiguous"):
        encode("c", {"a": memoryview(b"abcd")[::2]}, ROOM)


def test_depth_has_a_limit() -> None:
    """Containers may be nested 64 deep; one more is refused with the limit."""
    assert decode(encode("c", nested(MAX_DEPTH), ROOM)) == nested(MAX_DEPTH)
    with pytest.raises(InvalidMessage, match="is nested deeper than 64, the limit for a message"):
        encode("c", nested(MAX_DEPTH + 1), ROOM)


def test_circles_are_too_deep() -> None:
    """A list that holds itself is refused, and does not end the process."""
    circle: list[object] = []
    circle.extend([circle, circle])

    with pytest.raises(InvalidMessage, match="nested deeper"):
        encode("c", {"a": circle}, ROOM)


def test_size_has_a_limit() -> None:
    """A message of exactly the limit passes; one byte more raises with channel, size and limit."""
    message = {"a": b"x" * 95}
    assert len(encode("chat", message, 100)) == 100

    with pytest.raises(MessageTooLarge, match=r"'chat' is 100 bytes .* max_message_size is 99") as caught:
        encode("chat", message, 99)

    assert (caught.value.channel, caught.value.size, caught.value.limit) == ("chat", 100, 99)


@quick
@given(st.dictionaries(st.text(max_size=3) | st.integers(), values | st.complex_numbers() | st.text(), max_size=3))
def test_anything_is_bytes_or_an_invalid_message(message: Any) -> None:
    """Whatever a dict holds, it is encoded or raises InvalidMessage, and nothing else."""
    try:
        body = encode("c", message, ROOM)
    except InvalidMessage:
        return

    assert decode(body) == message


@pytest.mark.parametrize("read", READERS)
@quick
@given(garbage=st.binary(max_size=60))
def test_garbage_is_a_map_or_a_protocol_error(read: Read, garbage: bytes) -> None:
    """Any bytes become a dict with str keys, or raise ProtocolError and nothing else."""
    try:
        payload = read(garbage)
    except ProtocolError:
        return

    assert all(type(key) is str for key in payload)


@pytest.mark.parametrize("read", READERS)
@quick
@given(payload=values, cut=st.integers(1, 20), tail=st.binary(min_size=1, max_size=3))
def test_wrong_lengths_are_refused(read: Read, payload: object, cut: int, tail: bytes) -> None:
    """A message that is cut short, or followed by something, is none."""
    wire = msgpack.packb({"a": payload})

    for wrong in (wire[:-cut], wire + tail):
        with pytest.raises(ProtocolError, match="is not msgpack"):
            read(wrong)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("payload", [None, 1, "a", b"a", [], [{"a": 1}], 0.5, True])
def test_only_maps_are_payloads(read: Read, payload: object) -> None:
    """Anything but a map is refused with its type."""
    with pytest.raises(ProtocolError, match=rf"is a {type(payload).__name__}, not a map"):
        read(msgpack.packb(payload))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("key", [b"a", 1, None, 0.5])
def test_only_texts_are_keys(read: Read, key: object) -> None:
    """A map with a key that is not a str is refused, at the top and inside: bytes are none."""
    for payload in ({key: 1}, {"a": [{key: 1}]}):
        with pytest.raises(ProtocolError):
            read(msgpack.packb(payload))


EXTENSIONS = {
    "timestamp of 32 bits": msgpack.packb({"a": msgpack.Timestamp(1)}),
    "timestamp of 64 bits": msgpack.packb({"a": [msgpack.Timestamp(1, 1)]}),
    "timestamp of 96 bits": msgpack.packb({"a": {"b": msgpack.Timestamp(-1, 1)}}),
    "extension": msgpack.packb({"a": msgpack.ExtType(5, b"xx")}),
    "long extension": msgpack.packb({"a": msgpack.ExtType(5, bytes(70_000))}),
    "empty extension": msgpack.packb({"a": msgpack.ExtType(5, b"")}),
    "empty timestamp": msgpack.packb({"a": None})[:-1] + b"\xc7\x00\xff",
}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("wire", EXTENSIONS.values(), ids=EXTENSIONS.keys())
def test_extensions_are_refused(read: Read, wire: bytes) -> None:
    """No extension type passes, timestamps included: they become objects that no message can carry."""
    with pytest.raises(ProtocolError):
        read(wire)


BOMBS = {
    "array of 4 G": b"\x81\xa1a\xdd\xff\xff\xff\xff",
    "map of 4 G": b"\x81\xa1a\xdf\xff\xff\xff\xff",
    "text of 4 G": b"\x81\xa1a\xdb\xff\xff\xff\xff",
    "bytes of 4 G": b"\x81\xa1a\xc6\xff\xff\xff\xff",
    "extension of 4 G": b"\x81\xa1a\xc9\xff\xff\xff\xff\x05",
    "arrays 100,000 deep": b"\x81\xa1a" + b"\x91" * 100_000 + b"\xc0",
    "maps 100,000 deep": b"\x81\xa1a" * 100_000 + b"\xc0",
    "reserved byte": b"\x81\xa1a\xc1",
    "text that is not UTF-8": b"\x81\xa1a\xa1\xff",
    "half a surrogate pair": b"\x81\xa1a\xa3\xed\xa0\x80",
    "list as key": b"\x81\x90\xc0",
    "nothing": b"",
}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("wire", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_refused(read: Read, wire: bytes) -> None:
    """Lengths that are not there, depths beyond sense and broken texts are refused at once, with the size."""
    with pytest.raises(ProtocolError, match=f"of {len(wire)} bytes is not msgpack"):
        read(wire)


def test_unknown_keys_are_left() -> None:
    """A payload's unknown keys pass: minor versions can add some."""
    assert unpack_control(pack_control({"new": 1, "old": b"2"})) == {"new": 1, "old": b"2"}
