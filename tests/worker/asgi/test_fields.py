"""What applications send is read with care; what is wrong is named."""

from __future__ import annotations

from typing import Any

import pytest

from zmqlayer.worker.asgi.fields import read_headers, read_kind, take, take_bytes


def test_what_is_right_is_returned() -> None:
    """Bytes of any type become bytes, so that a message can carry them."""
    event = {"type": "x", "body": bytearray(b"a"), "view": memoryview(b"b"), "code": 1}

    assert read_kind(event) == "x"
    assert (take_bytes(event, "body"), take_bytes(event, "view"), take_bytes(event, "none")) == (b"a", b"b", None)
    assert (take(event, "code", int), take(event, "none", int)) == (1, None)


def test_headers() -> None:
    """Lists or tuples, none or many; a generator too."""
    pairs = [(b"a", b"1"), [b"a", bytearray(b"2")]]

    assert read_headers({"type": "x", "headers": (pair for pair in pairs)}) == [[b"a", b"1"], [b"a", b"2"]]
    assert read_headers({"type": "x"}) == []


@pytest.mark.parametrize("event", [None, "x", 7, {}, {"type": 7}, []])
def test_no_event(event: Any) -> None:
    """A dict with a type is asked for."""
    with pytest.raises(TypeError, match="where a dict with a 'type' is expected"):
        read_kind(event)


@pytest.mark.parametrize("headers", [7, [b"a"], [("a", "b")], [(b"a", 1)], [(b"a",)], "ab", {b"a": b"b"}])
def test_no_headers(headers: Any) -> None:
    """The error names the key and the event."""
    with pytest.raises(TypeError, match="is no list of pairs of byte strings"):
        read_headers({"type": "http.response.start", "headers": headers})


@pytest.mark.parametrize("value", ["text", 7, [b"a"]])
def test_no_bytes(value: Any) -> None:
    """Text is not encoded for the application: it has to say how."""
    with pytest.raises(TypeError, match=r"'body' of 'x' is .*, of type (str|int|list) and not bytes"):
        take_bytes({"type": "x", "body": value}, "body")
