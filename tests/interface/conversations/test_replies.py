"""What the messages of workers make a connection do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.interface.conversations.replies import (
    BadReply,
    Piece,
    ResponseStart,
    read_piece,
    read_response_start,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
KEYS = st.sampled_from(["status", "headers", "content", "more_content", "text", "bytes", "close", "accept", "x"])


def test_a_response_start_has_status_and_headers() -> None:
    """Order, case and repetitions stay as the worker wrote them."""
    headers = [[b"X-B", b"1"], [b"a", b""], (b"x-b", b"2")]

    start = read_response_start({"status": 404, "headers": headers, "unknown": 1})

    assert start == ResponseStart(404, ((b"X-B", b"1"), (b"a", b""), (b"x-b", b"2")), None)


def test_fields_about_the_connection_are_left_out() -> None:
    """A worker does not know how its response travels on."""
    headers = [[b"Connection", b"close"], [b"transfer-encoding", b"chunked"], [b"Upgrade", b"h2c"]]

    assert read_response_start({"status": 200, "headers": headers}).fields == ()


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"status": None},
        {"status": "200"},
        {"status": True},
        {"status": 100},
        {"status": 1000},
        {"status": 200, "headers": {}},
        {"status": 200, "headers": [b"ab"]},
        {"status": 200, "headers": [[b"a"]]},
        {"status": 200, "headers": [["a", "b"]]},
        {"status": 200, "headers": [[b"a b", b""]]},
        {"status": 200, "headers": [[b"a\n", b""]]},
        {"status": 200, "headers": [[b"a", b"b\r\nSet-Cookie: x"]]},
        {"status": 200, "headers": [[b"a", b"\0"]]},
        {"status": 200, "headers": [[b"content-length", b"-1"]]},
        {"status": 200, "headers": [[b"content-length", b"9" * 20]]},
        {"status": 200, "headers": [[b"content-length", b"1"], [b"Content-Length", b"1"]]},
    ],
)
def test_a_start_that_cannot_be_sent_is_refused(message: dict[str, Any]) -> None:
    """Among them everything that would let a worker's input write headers of its own."""
    with pytest.raises(BadReply):
        read_response_start(message)


def test_a_promised_length_is_read() -> None:
    """The response is held to it."""
    assert read_response_start({"status": 200, "headers": [[b"Content-Length", b"12"]]}).length == 12


@pytest.mark.parametrize(("status", "expected"), [(200, True), (204, False), (304, False), (404, True)])
def test_some_statuses_have_no_content(status: int, expected: bool) -> None:
    """RFC 9110, 6.4.1."""
    assert ResponseStart(status, (), None).has_content is expected


@pytest.mark.parametrize(
    ("message", "piece"),
    [
        ({}, Piece(b"", True)),
        ({"content": b"a", "more_content": True}, Piece(b"a", False)),
        ({"content": None, "more_content": False}, Piece(b"", True)),
        ({"content": b"", "more_content": False, "closed": True}, Piece(b"", True, is_broken_off=True)),
    ],
)
def test_a_piece_is_the_last_unless_it_says_otherwise(message: dict[str, Any], piece: Piece) -> None:
    """The defaults are the draft's."""
    assert read_piece(message) == piece


@pytest.mark.parametrize("message", [{"content": "text"}, {"content": b"", "more_content": 1}])
def test_a_piece_of_another_type_is_refused(message: dict[str, Any]) -> None:
    """The sentence names the key."""
    with pytest.raises(BadReply, match="content"):
        read_piece(message)


@given(st.dictionaries(KEYS, ANYTHING))
def test_any_message_is_read_or_refused(message: dict[str, Any]) -> None:
    """Nothing else than ``BadReply`` leaves these functions."""
    for read in (read_response_start, read_piece):
        try:
            read(message)
        except BadReply as exc:
            assert exc.key in str(exc)
