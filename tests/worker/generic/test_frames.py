"""What consumers send to WebSockets, and how they read JSON."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from zmqlayer.worker import Message
from zmqlayer.worker.exceptions import UnusableFrame
from zmqlayer.worker.generic.frames import closing, encode_json, frame, parse_json, read_json


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        (("hi", None, False), {"text": "hi"}),
        (("", None, False), {"text": ""}),
        ((None, b"hi", False), {"bytes": b"hi"}),
        (("bye", None, True), {"text": "bye", "close": True}),
        ((None, b"bye", 4001), {"bytes": b"bye", "close": 4001}),
        ((None, None, 1000), {"close": 1000}),
    ],
)
def test_frames(arguments: Any, content: Any) -> None:
    """Text or bytes, and perhaps a close."""
    assert frame(*arguments) == content


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ((None, None, False), ValueError, "nothing to send"),
        (("a", b"a", False), ValueError, "not both"),
        (({"a": 1}, None, False), TypeError, "must be a str, not dict"),
        ((b"a", None, False), TypeError, "must be a str, not bytes"),
        ((None, "a", False), TypeError, "must be bytes, not str"),
        (("a", None, 7), ValueError, "7 is not a WebSocket close code"),
    ],
)
def test_what_is_no_frame(arguments: Any, error: type[Exception], problem: str) -> None:
    """It is refused where it is sent, and not by the server later."""
    with pytest.raises(error, match=problem):
        frame(*arguments)


def test_closing() -> None:
    """With a code, or with the normal one."""
    assert closing(True) == {"close": True}
    assert closing(4003) == {"close": 4003}
    with pytest.raises(ValueError, match="False is not a WebSocket close code"):
        closing(False)


def test_json_of_djangos_values() -> None:
    """Dates, decimals and UUIDs are written as Django writes them."""
    values = {
        "day": datetime.date(2026, 11, 29),
        "price": decimal.Decimal("1.50"),
        "key": uuid.UUID(int=7),
    }

    assert json.loads(encode_json(values)) == {
        "day": "2026-11-29",
        "price": "1.50",
        "key": "00000000-0000-0000-0000-000000000007",
    }


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_browsers_cannot_read_is_not_written(number: float) -> None:
    """Python would write NaN, and every browser in the group would fail to read it."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_json({"number": number})


@pytest.mark.parametrize("text", ["", "{", "nan", "NaN", '{"a": Infinity}', "[" * 100_000, "9" * 5000])
def test_what_is_no_json_ends_the_socket(layer: MemoryLayer, text: str) -> None:
    """With the code for text that is not what it should be."""
    message = Message({"reply_channel": layer.reply_channel(), "text": text}, "websocket.receive", layer)

    with pytest.raises(UnusableFrame) as caught:
        read_json(message, parse_json)

    assert caught.value.code == 1007


@pytest.mark.parametrize("content", [{"bytes": b"{}"}, {"bytes": b"{}", "text": None}, {"text": 7}, {}])
def test_bytes_are_no_json(layer: MemoryLayer, content: Any) -> None:
    """They end the socket with the code for a type that is not understood."""
    message = Message({"reply_channel": layer.reply_channel(), **content}, "websocket.receive", layer)

    with pytest.raises(UnusableFrame) as caught:
        read_json(message, parse_json)

    assert caught.value.code == 1003
