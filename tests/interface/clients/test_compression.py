"""Messages compressed and decompressed, with a bound."""

from __future__ import annotations

import contextlib
import zlib

import pytest
from autobahn.exception import PayloadCorruptError, PayloadExceededError
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.interface.clients.compression import Deflate
from zmqlayer.interface.clients.extensions import Agreement

WIDE = Agreement(12, 15, b"")
HELLO = bytes.fromhex("f248cdc9c90700")  # "Hello" in RFC 7692, 7.2.3.1


def decompress(data: bytes, limit: int | None = None, agreement: Agreement = WIDE) -> bytes:
    """Return the message in *data*, which arrives in one piece."""
    deflate = Deflate(agreement)
    deflate.start_decompress_message()
    message = deflate.decompress_message_data(data, limit)
    deflate.end_decompress_message()
    return message


@pytest.mark.parametrize(
    "data",
    [HELLO, bytes.fromhex("000500faff48656c6c6f00"), bytes.fromhex("f348cdc9c9070000")],
    ids=["one block", "not compressed", "marked as the last block"],
)
def test_the_examples_of_the_rfc(data: bytes) -> None:
    """RFC 7692, 7.2.3."""
    assert decompress(data) == b"Hello"


def test_several_last_blocks() -> None:
    """Each of them may be followed by another."""
    assert decompress(bytes.fromhex("f348cdc9c90700") * 3 + b"\0") == b"Hello" * 3


@given(st.binary(max_size=5000), st.sampled_from([9, 10, 12]))
def test_what_is_compressed_can_be_read(payload: bytes, bits: int) -> None:
    """By a client with the window that was agreed on, and no more."""
    data = Deflate(Agreement(bits, 15, b"")).compress(payload)

    assert zlib.decompressobj(-bits).decompress(data + b"\0\0\xff\xff") == payload


def test_nothing_is_taken_over() -> None:
    """The same message twice is the same bytes twice."""
    deflate = Deflate(WIDE)

    assert deflate.compress(b"hello" * 100) == deflate.compress(b"hello" * 100)


def test_a_limit_may_be_above_what_zlib_takes() -> None:
    """The operator wants none."""
    assert decompress(HELLO, 10**20) == b"Hello"


def test_a_bomb_stops_at_the_limit() -> None:
    """A hundred megabytes in a hundred kilobytes."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflater.compress(bytes(100_000_000)) + deflater.flush(zlib.Z_SYNC_FLUSH)

    with pytest.raises(PayloadExceededError):
        decompress(bomb, 1000)


@pytest.mark.parametrize("limit", [5, 6, None])
def test_the_limit_itself_is_allowed(limit: int | None) -> None:
    """It is not too much yet."""
    assert decompress(HELLO, limit) == b"Hello"


@pytest.mark.parametrize("limit", [4, 0, -3])
def test_no_room_is_too_little(limit: int) -> None:
    """Zero is a limit, and not none."""
    with pytest.raises(PayloadExceededError):
        decompress(HELLO, limit)


@given(st.binary(max_size=200))
def test_garbage_is_a_message_or_corrupt(data: bytes) -> None:
    """Nothing else than the two errors that Autobahn expects."""
    with contextlib.suppress(PayloadCorruptError, PayloadExceededError):
        decompress(data, 1000)
