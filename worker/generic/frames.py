"""
What class-based consumers send to WebSockets, and how they read what comes. Pure.

What a client sends and a consumer cannot use ends the WebSocket with the close code that RFC 6455 has for it (7.4.1),
and is no failure of the consumer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder

from zmqlayer.messages import Message as Content
from zmqlayer.worker.exceptions import UnusableFrame, WebsocketCloseException
from zmqlayer.worker.message import Message

__all__ = ["BINARY", "GARBLED", "UNEXPECTED", "closing", "encode_json", "frame", "parse_json", "read_json"]

BINARY: Final = 1003
"""The close code for bytes where only text is understood."""
GARBLED: Final = 1007
"""The close code for text that is no JSON."""
UNEXPECTED: Final = 1008
"""The close code for JSON of another shape than agreed."""


def frame(text: str | None, octets: bytes | None, close: bool | int) -> Content:
    """
    Return the message that sends text or bytes to a WebSocket, and then closes it if *close* says so.

    Raises:
        TypeError: The text is no str, or the bytes are no bytes.
        ValueError: There is nothing to send, or both text and bytes, or *close* is no close code.
    """
    if text is not None and octets is not None:
        raise ValueError("text or bytes, not both: one frame is one or the other")
    content = closing(close) if close else {}
    if text is not None:
        if not isinstance(text, str):
            raise TypeError(f"text must be a str, not {type(text).__name__}; JsonWebsocketConsumer takes others")
        content["text"] = text
    elif octets is not None:
        if not isinstance(octets, bytes):
            raise TypeError(f"bytes must be bytes, not {type(octets).__name__}")
        content["bytes"] = octets
    if not content:
        raise ValueError("there is nothing to send: pass text or bytes, or close")
    return content


def closing(status: bool | int) -> Content:
    """
    Return the message that closes a WebSocket.

    Args:
        status: A close code, or True for the normal one.

    Raises:
        ValueError: No close code.
    """
    return {"close": True if status is True else WebsocketCloseException(status).code}


def encode_json(value: Any) -> str:
    """
    Return *value* as JSON; dates, decimals and UUIDs become strings, as Django writes them.

    Raises:
        TypeError: A value that has no form in JSON.
        ValueError: A float that is not finite: browsers could not read it.
    """
    return json.dumps(value, cls=DjangoJSONEncoder, allow_nan=False)


def parse_json(text: str) -> Any:
    """
    Return the value of JSON *text*.

    Raises:
        ValueError: It is no JSON; ``NaN`` and ``Infinity`` are none, though Python writes them.
    """
    return json.loads(text, parse_constant=_refuse_constant)


def read_json(message: Message, decode: Callable[[str], Any]) -> Any:
    """
    Return the value of the JSON in a WebSocket's message.

    Args:
        decode: Raises ValueError for what it cannot decode.

    Raises:
        UnusableFrame: Bytes came, or no JSON.
    """
    text = message.get("text")
    if not isinstance(text, str):
        raise UnusableFrame("bytes, where text with JSON is expected", BINARY)
    try:
        return decode(text)
    except RecursionError as exc:
        raise UnusableFrame("JSON that is nested too deeply", GARBLED) from exc
    except ValueError as exc:
        raise UnusableFrame("text that is no JSON", GARBLED) from exc


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
