"""Bytes cut into frames."""

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, RstStreamFrame
from hypothesis import given
from hypothesis import strategies as st

from support.http2_client import data, ping, setting
from zmqlayer.interface.clients.http2_frames import (
    MAX_FRAME_SIZE,
    PREFACE,
    BadFrames,
    FrameReader,
    Kind,
    encode_goaway,
    encode_reset,
)

START = PREFACE + setting().serialize()


def read(*pieces: bytes, max_block_size: int = 1_000) -> list[tuple[int, int, int]]:
    """Return kind, stream and size of the frames in *pieces*."""
    reader = FrameReader(max_block_size)
    found = []
    for piece in pieces:
        reader.feed(piece)
        found += [(frame.kind, frame.stream_id, frame.size) for frame in reader.frames()]
    return found


def error_of(received: bytes, max_block_size: int = 1_000) -> tuple[ErrorCodes, str]:
    """Return code and fault of what cannot be read."""
    with pytest.raises(BadFrames) as caught:
        read(received, max_block_size=max_block_size)
    return caught.value.code, caught.value.fault


def head(content: bytes = b"", *flags: str) -> bytes:
    """Return a HEADERS frame on stream 1."""
    return HeadersFrame(1, content, flags=flags).serialize()


def continuation(content: bytes = b"", *flags: str, stream_id: int = 1) -> bytes:
    """Return a CONTINUATION frame."""
    return ContinuationFrame(stream_id, content, flags=flags).serialize()


@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(1, 40))
def test_any_pieces_give_the_same_frames(contents: list[bytes], size: int) -> None:
    """However the bytes are split on their way, the frames are the same."""
    received = START + b"".join(data(1, content).serialize() for content in contents)

    pieces = [received[start : start + size] for start in range(0, len(received), size)]

    assert read(*pieces) == [(Kind.SETTINGS, 0, 0), *((Kind.DATA, 1, len(content)) for content in contents)]


def test_frames_are_kept_whole() -> None:
    """A frame's bytes are those that came."""
    reader = FrameReader(1_000)
    frame = ping(b"abcdefgh", is_ack=True).serialize()
    reader.feed(START + frame)

    _, found = reader.frames()

    assert found.content == frame
    assert found.is_ack
    assert found.kind == Kind.PING


@pytest.mark.parametrize("wrong", [b"GET / HTTP/1.1\r\n\r\n", PREFACE[:-1] + b"!", b"\x16\x03\x01"])
def test_no_preface(wrong: bytes) -> None:
    """Whatever does not begin with the preface is found out with its first wrong byte (RFC 9113, 3.4)."""
    assert error_of(wrong) == (ErrorCodes.PROTOCOL_ERROR, "no HTTP/2 preface")


@pytest.mark.parametrize("first", [ping(), setting(), data(1)])
def test_settings_come_first(first: Frame) -> None:
    """The first frame holds settings, and answers none (RFC 9113, 3.4)."""
    first.flags.add("ACK") if first.type != Kind.DATA else None

    assert error_of(PREFACE + first.serialize()) == (ErrorCodes.PROTOCOL_ERROR, "no HTTP/2 settings first")


def test_frame_too_large() -> None:
    """A frame that announces more than it may is refused before its content comes (RFC 9113, 4.2)."""
    largest = DataFrame(1, bytes(MAX_FRAME_SIZE)).serialize()
    assert read(START + largest)[1:] == [(Kind.DATA, 1, MAX_FRAME_SIZE)]

    announced = DataFrame(1, bytes(MAX_FRAME_SIZE + 1)).serialize()[:9]

    assert error_of(START + announced) == (ErrorCodes.FRAME_SIZE_ERROR, "HTTP/2 frame too large")


@pytest.mark.parametrize(
    "between",
    [
        data(1).serialize(),
        ping().serialize(),
        head(b"", "END_HEADERS"),
        continuation(stream_id=3),
        b"\0\0\0\xfa\0\0\0\0\x01",
    ],
)
def test_a_head_is_not_interrupted(between: bytes) -> None:
    """Between the frames of a head nothing else may come, be it unknown (RFC 9113, 6.10)."""
    assert error_of(START + head(b"a") + between) == (ErrorCodes.PROTOCOL_ERROR, "HTTP/2 head in disorder")


@pytest.mark.parametrize("before", [b"", head(b"a", "END_HEADERS"), head(b"a") + continuation(b"b", "END_HEADERS")])
def test_a_continuation_continues(before: bytes) -> None:
    """A continuation needs a head that is not complete (RFC 9113, 6.10)."""
    assert error_of(START + before + continuation()) == (ErrorCodes.PROTOCOL_ERROR, "HTTP/2 head in disorder")


def test_a_head_without_end() -> None:
    """A head is bounded in bytes while it arrives (CVE-2024-27316)."""
    part = continuation(bytes(100))
    assert len(read(START + head(bytes(100)) + 8 * part, max_block_size=901)) == 10

    assert error_of(START + head(bytes(100)) + 9 * part, 901) == (
        ErrorCodes.ENHANCE_YOUR_CALM,
        "HTTP/2 head without end",
    )


def test_empty_continuations() -> None:
    """A head is bounded in frames too: empty ones have no bytes to count."""
    assert error_of(START + head() + 9 * continuation())[0] is ErrorCodes.ENHANCE_YOUR_CALM


def test_what_is_unfinished() -> None:
    """A preface, a frame or a head that has begun is unfinished; its number stays until the next one begins."""
    reader = FrameReader(1_000)
    numbers = []
    whole = ping().serialize()
    for piece in (PREFACE, setting().serialize(), whole[:3], whole[3:], head(b"a"), continuation(b"b")[:9], b"b"):
        reader.feed(piece)
        list(reader.frames())
        numbers.append(reader.unfinished)

    assert numbers == [0, None, 1, None, 2, 2, 2]


def test_content_may_take_longer() -> None:
    """A DATA frame that has begun is no unfinished head; how much of it came is known."""
    reader = FrameReader(1_000)
    reader.feed(START + data(5, b"12345678").serialize()[:12])
    list(reader.frames())

    assert reader.unfinished is None
    assert reader.unfinished_content == (5, 12)

    reader.feed(b"45678")
    list(reader.frames())
    assert reader.unfinished_content is None


def test_frames_of_our_own() -> None:
    """The frames that h2 does not write are as hyperframe writes them."""
    goaway = GoAwayFrame(0, last_stream_id=7, error_code=ErrorCodes.ENHANCE_YOUR_CALM)
    reset = RstStreamFrame(9, error_code=ErrorCodes.PROTOCOL_ERROR)

    assert encode_goaway(7, ErrorCodes.ENHANCE_YOUR_CALM) == goaway.serialize()
    assert encode_reset(9, ErrorCodes.PROTOCOL_ERROR) == reset.serialize()


@given(st.binary(max_size=200))
def test_garbage(garbage: bytes) -> None:
    """Any bytes give frames, or an error of their own kind, and nothing else."""
    reader = FrameReader(50)
    reader.feed(START + garbage)
    try:
        frames = list(reader.frames())
    except BadFrames as exc:
        assert str(exc).startswith(exc.fault)
    else:
        assert sum(len(frame.content) for frame in frames) <= len(START + garbage)
