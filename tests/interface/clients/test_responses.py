"""Responses as bytes, and what becomes of their connection."""

from __future__ import annotations

import pytest

from zmqlayer.interface.clients.responses import Response

LENGTH = (b"Content-Length", b"3")


def test_a_head_keeps_names_values_and_order() -> None:
    """What concerns the connection comes last."""
    head = Response().head(404, [(b"X-b", b"1"), (b"x-A", b"")], has_content=False)

    assert head == b"HTTP/1.1 404 Not Found\r\nX-b: 1\r\nx-A: \r\nConnection: close\r\n\r\n"


def test_a_status_without_a_name_has_none() -> None:
    """RFC 9112, 4: the space stays."""
    assert Response(is_kept=True).head(299, [], has_content=False) == b"HTTP/1.1 299 \r\n\r\n"


@pytest.mark.parametrize(
    ("version", "fields", "has_content", "is_kept", "line"),
    [
        ("1.1", [LENGTH], True, True, b""),
        ("1.1", [], True, True, b"Transfer-Encoding: chunked\r\n"),
        ("1.1", [], False, True, b""),
        ("1.0", [LENGTH], True, True, b"Connection: keep-alive\r\n"),
        ("1.0", [], True, False, b"Connection: close\r\n"),
        ("1.0", [], False, True, b"Connection: keep-alive\r\n"),
    ],
)
def test_a_connection_is_kept_if_the_end_shows(
    version: str, fields: list[tuple[bytes, bytes]], has_content: bool, is_kept: bool, line: bytes
) -> None:
    """By a length, by chunks, or because there is no content; else the end of the connection is the end."""
    response = Response(version, is_kept=True)

    head = response.head(200, fields, has_content=has_content)

    assert (response.is_kept, head.endswith(b"\r\n" + line + b"\r\n")) == (is_kept, True)


def test_a_connection_that_cannot_be_kept_is_not() -> None:
    """Whatever the response is."""
    response = Response()

    assert response.head(200, [LENGTH], has_content=True).endswith(b"\r\nConnection: close\r\n\r\n")
    assert not response.is_kept


def test_a_chunk_says_its_size_in_hexadecimal() -> None:
    """RFC 9112, 7.1; the last one is empty."""
    response = Response()
    response.head(200, [], has_content=True)

    assert b"".join((*response.content(bytes(26)), *response.end())) == b"1a\r\n" + bytes(26) + b"\r\n0\r\n\r\n"


def test_content_with_a_length_is_sent_as_it_is() -> None:
    """Its end needs no mark."""
    response = Response()
    response.head(200, [LENGTH], has_content=True)

    assert (response.content(b"abc"), response.end()) == ((b"abc",), ())


@pytest.mark.parametrize(
    ("fields", "has_content", "content", "is_complete"),
    [
        ([LENGTH], True, b"123", True),
        ([LENGTH], True, b"12", False),
        ([LENGTH], False, b"", True),
        ([], False, b"", True),
        ([], True, b"", False),
        ([], True, b"12345", False),
        ([(b"content-length", b"0")], True, b"", True),
    ],
)
def test_a_response_knows_whether_it_is_complete(
    fields: list[tuple[bytes, bytes]], has_content: bool, content: bytes, is_complete: bool
) -> None:
    """Its head says how much follows; where it does not, the end is still to come."""
    response = Response(is_kept=True)
    response.head(200, fields, has_content=has_content)

    assert response.is_complete_with(content) is is_complete


@pytest.mark.parametrize(
    ("is_kept", "line"), [(True, b"Connection: Upgrade\r\n"), (False, b"Connection: close, Upgrade\r\n")]
)
def test_an_upgrade_is_about_the_connection(is_kept: bool, line: bytes) -> None:
    """Who sends the field names it in Connection too (RFC 9110, 7.8)."""
    head = Response(is_kept=is_kept).head(426, [LENGTH, (b"Upgrade", b"websocket")], has_content=True)

    assert head.endswith(b"\r\n" + line + b"\r\n")
