"""The pages of the server itself."""

from __future__ import annotations

from zmqlayer.interface.clients.pages import body_too_large, own_page, too_large


def test_a_page_is_its_status_and_one_sentence() -> None:
    """Plain text, with its length."""
    fields, content = own_page(400, "Too odd.")

    assert content == b"400 Bad Request\n\nToo odd.\n"
    assert fields[:2] == ((b"Content-Type", b"text/plain; charset=utf-8"), (b"Content-Length", b"%d" % len(content)))


def test_no_cache_keeps_a_page() -> None:
    """Some errors may be kept by default (RFC 9110, 15.1); ours may be over with the next request."""
    assert (b"Cache-Control", b"no-store") in own_page(414, "Too long.")[0]


def test_an_unavailable_service_says_when_to_come_back() -> None:
    """A client that obeys Retry-After does not make the load worse."""
    assert (b"Retry-After", b"1") in own_page(503, "Busy.")[0]


def test_another_version_of_websocket_is_told_ours() -> None:
    """RFC 6455, 4.4."""
    assert (b"Sec-WebSocket-Version", b"13") in own_page(426, "Old.")[0]


def test_too_large_names_the_limit_and_the_cure() -> None:
    """An operator reads it in a bug report."""
    assert "1,048,576 bytes" in too_large(1_048_576)
    assert "max_message_size" in too_large(1)


def test_a_body_that_is_too_large_too() -> None:
    """Its limit is another."""
    assert "it may have 1,048,576 bytes" in body_too_large(1_048_576)
    assert "max_body_size" in body_too_large(1)
