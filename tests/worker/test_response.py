"""Response to messages."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse

from zmqlayer.worker.response import aencode_response, encode_headers, encode_response


def test_a_short_response_is_one_message() -> None:
    """Status, headers and content go together."""
    parts = list(encode_response(HttpResponse("hi", status=201, headers={"X-Colour": "red"}), chunk_size=10))

    assert len(parts) == 1
    assert parts[0]["status"] == 201
    assert [b"x-colour", b"red"] in parts[0]["headers"]
    assert (parts[0]["content"], parts[0]["more_content"]) == (b"hi", False)


def test_a_long_response_is_cut() -> None:
    """Only the first message has the status, and all but the last say that more follows."""
    parts = list(encode_response(HttpResponse(b"0123456789ab"), chunk_size=5))

    assert [part["content"] for part in parts] == [b"01234", b"56789", b"ab"]
    assert [part["more_content"] for part in parts] == [True, True, False]
    assert [("status" in part) for part in parts] == [True, False, False]


def test_an_empty_response_is_one_message() -> None:
    """No content is still an answer."""
    parts = list(encode_response(HttpResponse(status=204), chunk_size=5))

    assert [(part["status"], part["content"], part["more_content"]) for part in parts] == [(204, b"", False)]


def test_a_stream_goes_out_piece_by_piece() -> None:
    """The headers leave before the view has made its first piece, and each piece before the next is made."""
    made: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        for piece in (b"one", b"", b"three"):
            made.append(piece)
            yield piece

    parts = encode_response(StreamingHttpResponse(pieces()), chunk_size=10)

    assert (next(parts)["status"], made) == (200, [])
    assert (next(parts)["content"], made) == (b"one", [b"one"])
    assert [part["content"] for part in parts] == [b"three", b""]


def test_a_large_piece_of_a_stream_is_cut() -> None:
    """A piece need not fit into one message."""
    parts = list(encode_response(StreamingHttpResponse([b"0123456789ab"]), chunk_size=5))

    assert [part["content"] for part in parts] == [b"", b"01234", b"56789", b"ab", b""]
    assert [part["more_content"] for part in parts] == [True, True, True, True, False]


def test_a_file_is_read_in_full_chunks() -> None:
    """Not in the 4 KiB blocks that Django reads by itself."""
    response = FileResponse(io.BytesIO(b"x" * 12_000), filename="x.bin")

    parts = list(encode_response(response, chunk_size=10_000))

    assert [len(part["content"]) for part in parts] == [0, 10_000, 2_000, 0]
    response.close()


def test_cookies_have_a_header_each() -> None:
    """Cookies cannot be joined like other headers."""
    response = HttpResponse()
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")

    cookies = [value for name, value in encode_headers(response) if name == b"set-cookie"]

    assert cookies == [b"a=1; Path=/", b"b=2; Path=/"]


def test_headers_keep_their_bytes() -> None:
    """Names are in lower case, values Latin-1."""
    assert [b"x-name", b"Zo\xeb"] in encode_headers(HttpResponse(headers={"X-Name": "Zoë"}))


def test_no_body_for_head() -> None:
    """A response to HEAD ends with its headers; a stream is not even begun."""
    parts = list(encode_response(StreamingHttpResponse(iter([b"never"])), chunk_size=5, has_body=False))

    assert [(part["content"], part["more_content"]) for part in parts] == [(b"", False)]


def test_a_file_on_disk(tmp_path: Path) -> None:
    """In blocks of a chunk, with its length, and closed with the response."""
    path = tmp_path / "film.bin"
    path.write_bytes(bytes(range(256)) * 1_000)
    response = FileResponse(path.open("rb"))

    parts = list(encode_response(response, chunk_size=65_536))
    response.close()

    assert [len(part["content"]) for part in parts] == [0, 65_536, 65_536, 65_536, 59_392, 0]
    assert b"".join(part["content"] for part in parts) == path.read_bytes()
    assert [b"content-length", b"256000"] in parts[0]["headers"]
    assert response.file_to_stream.closed


def test_a_header_beyond_latin_1() -> None:
    """Is encoded as Django does it, and never breaks the response."""
    headers = encode_headers(HttpResponse(headers={"X-Name": "Привет"}))

    assert [b"x-name", b"=?utf-8?b?0J/RgNC40LLQtdGC?="] in headers


def test_a_header_with_a_line_of_its_own() -> None:
    """Django refuses it, so that nobody can add headers."""
    with pytest.raises(ValueError, match="newlines"):
        HttpResponse(headers={"X-Name": "a\r\nSet-Cookie: b"})


class Ticks:
    """An endless asynchronous iterator that notes its end."""

    is_closed = False

    async def run(self) -> AsyncIterator[bytes]:
        """Tick."""
        try:
            for number in itertools.count():
                await asyncio.sleep(0)
                yield b"%d" % number
        finally:
            self.is_closed = True


def test_a_thread_takes_an_endless_asynchronous_stream() -> None:
    """Piece by piece; where it stops, the iterator is closed."""
    ticks = Ticks()
    parts = encode_response(StreamingHttpResponse(ticks.run()), chunk_size=10)

    taken = [next(parts)["content"] for _ in range(4)]
    parts.close()

    assert taken == [b"", b"0", b"1", b"2"]
    assert ticks.is_closed


@pytest.mark.parametrize("kind", ["asynchronous", "synchronous"])
def test_a_coroutine_takes_an_endless_stream(kind: str) -> None:
    """Of either kind; where it stops, an asynchronous iterator is closed."""
    ticks = Ticks()
    numbers = (b"%d" % number for number in itertools.count())

    async def take() -> list[Any]:
        parts = aencode_response(StreamingHttpResponse(ticks.run() if kind == "asynchronous" else numbers), 10)
        taken = [(await anext(parts))["content"] for _ in range(4)]
        await parts.aclose()
        return taken

    assert asyncio.run(take()) == [b"", b"0", b"1", b"2"]
    assert ticks.is_closed is (kind == "asynchronous")


def test_a_coroutine_makes_the_same_parts() -> None:
    """Of a response that is no stream."""

    async def take() -> list[Any]:
        return [part async for part in aencode_response(HttpResponse(b"0123456789ab"), 5)]

    assert asyncio.run(take()) == list(encode_response(HttpResponse(b"0123456789ab"), 5))
