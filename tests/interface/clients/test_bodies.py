"""Where the body of an HTTP/1 request ends."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.interface.clients.bodies import Body, ChunkedBody, CountedBody, body_of
from zmqlayer.interface.clients.head import BadRequest, Head

TEXTS = st.binary(max_size=40).filter(
    lambda text: not any(byte in text for byte in (*range(9), *range(10, 32), 0x7F, 0x85))
)


def head_with(*fields: tuple[bytes, bytes], http_version: str = "1.1") -> Head:
    """Return a head with *fields*."""
    return Head(http_version, "POST", "/", b"", fields)


def chunked(*chunks: bytes, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    """Return a body in *chunks*."""
    lines = [b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks]
    return b"".join(lines) + b"0\r\n" + trailers + b"\r\n"


def read(body: Body, data: bytes, cuts: list[int] | None = None) -> tuple[bytes, bytes]:
    """Feed *data* in pieces; return the content, and what follows the body."""
    content, rest = b"", b""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts or []), len(data)]
    for start, end in pairwise(edges):
        if body.is_complete:
            rest += data[start:end]
        elif start < end:
            piece, rest = body.take(data[start:end])
            content += piece
    return content, rest


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=300), max_size=6),
    extension=st.just(b"") | TEXTS.map(lambda text: b";" + text),
    trailers=st.lists(TEXTS, max_size=3),
    cuts=st.lists(st.integers(0, 2500), max_size=8),
)
def test_chunks_are_put_together_however_they_are_cut(
    chunks: list[bytes], extension: bytes, trailers: list[bytes], cuts: list[int]
) -> None:
    """Extensions and trailers are thrown away, and what follows is left alone."""
    body = ChunkedBody(10_000)
    fields = b"".join(b"X-Trailer: " + text + b"\r\n" for text in trailers)

    content, rest = read(body, chunked(*chunks, extension=extension, trailers=fields) + b"NEXT", cuts)

    assert (content, rest, body.is_complete) == (b"".join(chunks), b"NEXT", True)


@given(data=st.binary(min_size=1, max_size=50), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_a_counted_body_ends_where_it_says(data: bytes, cuts: list[int]) -> None:
    """What follows is left alone."""
    body = CountedBody(len(data))

    assert read(body, data + b"NEXT", cuts) == (data, b"NEXT")
    assert body.is_complete


@given(st.binary(max_size=200))
def test_any_bytes_are_a_body_or_refused(data: bytes) -> None:
    """Nothing else is raised."""
    body = ChunkedBody(100)
    try:
        read(body, data)
    except BadRequest as exc:
        assert exc.status in (400, 431)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"zz\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b" 1\r\na\r\n",
        b"1 \r\na\r\n",
        b"1\na\r\n",
        b"1\r\r\n",
        b"1\x0b\r\n",
        b"1;a\x00b\r\n",
        b"1;a\rb\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\n",
        b"1\r\na\r\r\n",
        b"1" + 15 * b"0" + b"\r\n",
        b"1;" + 2_000 * b"a",
        b"1;" + 2_000 * b"a" + b"\r\n",
        b"0\r\nno colon\r\n",
        b"0\r\nX-A: b\n\r\n",
        b"0\r\nX-A: b\rc\r\n\r\n",
        b"0\r\nX A: b\r\n\r\n",
        b"0\r\n folded\r\n\r\n",
    ],
)
def test_a_malformed_chunk_is_refused(data: bytes) -> None:
    """A proxy that reads it in another way would see the next request elsewhere."""
    with pytest.raises(BadRequest) as caught:
        read(ChunkedBody(1_000), data)

    assert caught.value.status == 400


def test_extensions_are_bounded_over_all_chunks() -> None:
    """Each of them may be short, and their sum endless."""
    with pytest.raises(BadRequest, match="mostly wrapping"):
        read(ChunkedBody(1_000), 100 * (b"1;" + 500 * b"a" + b"\r\nx\r\n"))


def test_small_chunks_are_no_fault() -> None:
    """Some clients send a byte at a time."""
    assert read(ChunkedBody(1_000), chunked(*[b"x"] * 10_000)) == (b"x" * 10_000, b"")


@pytest.mark.parametrize("trailers", [100 * b"X-A: b\r\n", b"X" * 200])
def test_trailers_are_bounded(trailers: bytes) -> None:
    """They count like headers."""
    with pytest.raises(BadRequest) as caught:
        read(ChunkedBody(100), b"0\r\n" + trailers)

    assert caught.value.status == 431


def test_a_head_says_how_long_its_body_is() -> None:
    """By a count, by chunks, or not at all."""
    assert body_of(head_with(), 100) is None
    assert body_of(head_with((b"content-length", b"0")), 100) is None
    assert isinstance(body_of(head_with((b"content-length", b"007")), 100), CountedBody)
    assert isinstance(body_of(head_with((b"transfer-encoding", b"Chunked")), 100), ChunkedBody)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([(b"content-length", b"1"), (b"content-length", b"1")], 400),
        ([(b"content-length", b"1, 1")], 400),
        ([(b"content-length", b"+1")], 400),
        ([(b"content-length", b"-1")], 400),
        ([(b"content-length", b"")], 400),
        ([(b"content-length", b"1_0")], 400),
        ([(b"content-length", 19 * b"9")], 400),
        ([(b"content-length", b"1"), (b"transfer-encoding", b"chunked")], 400),
        ([(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], 501),
        ([(b"transfer-encoding", b"gzip, chunked")], 501),
        ([(b"transfer-encoding", b"chunked, chunked")], 501),
        ([(b"transfer-encoding", b"")], 501),
    ],
)
def test_an_ambiguous_body_is_refused(fields: list[tuple[bytes, bytes]], status: int) -> None:
    """Before it is read: it could hold a request that only one of two readers sees."""
    with pytest.raises(BadRequest) as caught:
        body_of(head_with(*fields), 100)

    assert caught.value.status == status


def test_http_1_0_has_no_chunks() -> None:
    """RFC 9112, 6.1."""
    with pytest.raises(BadRequest, match="does not know"):
        body_of(head_with((b"transfer-encoding", b"chunked"), http_version="1.0"), 100)


@pytest.mark.parametrize("extension", [b" ;a=b", b"\t;a", b" \t ; a = b"])
def test_blanks_before_an_extension_are_read(extension: bytes) -> None:
    """RFC 9112, 7.1.1, and RFC 9110, 5.6.3: they are not written, and read all the same."""
    assert read(ChunkedBody(100), chunked(b"hello", extension=extension)) == (b"hello", b"")


@pytest.mark.parametrize("line", [b"5 \r\n", b"5\t\r\n", b" 5\r\n", b"5 a\r\n", b"5 a;b\r\n"])
def test_blanks_without_an_extension_are_refused(line: bytes) -> None:
    """Where another reader may find another size."""
    with pytest.raises(BadRequest):
        ChunkedBody(100).take(line + b"hello\r\n0\r\n\r\n")
