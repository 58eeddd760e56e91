"""Responses as bytes."""

from __future__ import annotations

from zmqlayer.interface.clients.responses import chunk, response_head


def test_a_head_keeps_names_values_and_order() -> None:
    """What concerns the connection comes last."""
    head = response_head(404, [(b"X-b", b"1"), (b"x-A", b"")], b"Connection: close\r\n")

    assert head == b"HTTP/1.1 404 Not Found\r\nX-b: 1\r\nx-A: \r\nConnection: close\r\n\r\n"


def test_a_status_without_a_name_has_none() -> None:
    """RFC 9112, 4: the space stays."""
    assert response_head(299, [], b"") == b"HTTP/1.1 299 \r\n\r\n"


def test_a_chunk_says_its_size_in_hexadecimal() -> None:
    """RFC 9112, 7.1."""
    assert b"".join(chunk(bytes(26))) == b"1a\r\n" + bytes(26) + b"\r\n"
