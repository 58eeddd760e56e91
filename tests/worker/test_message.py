"""``Message``: what consumers see."""

from __future__ import annotations

import pytest

from support.memory_layer import MemoryLayer
from zmqlayer.exceptions import InvalidName
from zmqlayer.worker import Message


def test_content_is_read_and_written_as_a_dict(layer: MemoryLayer) -> None:
    """A message is a view on its content."""
    message = Message({"text": "hi"}, "websocket.receive", layer)

    message["bytes"] = None
    message["extra"] = 1
    del message["extra"]

    assert message["text"] == "hi"
    assert "bytes" in message
    assert message.get("absent", 7) == 7
    assert list(message) == list(message.keys()) == ["text", "bytes"]
    assert list(message.values()) == ["hi", None]
    assert dict(message.items()) == message.content
    assert len(message) == 2


def test_channels_are_ready_to_send(layer: MemoryLayer) -> None:
    """The reply channel sends through the layer that the message came on."""
    reply = layer.reply_channel()
    message = Message({"reply_channel": reply}, "websocket.receive", layer)

    assert message.reply_channel is not None
    message.reply_channel.send({"text": "pong"})

    assert str(message.channel) == "websocket.receive"
    assert message.channel_layer is layer
    assert layer.sent(reply) == [{"text": "pong"}]


def test_without_a_reply_channel(layer: MemoryLayer) -> None:
    """A message from nowhere has None there."""
    assert Message({}, "thumbnail.make", layer).reply_channel is None


def test_a_reply_channel_that_cannot_be(layer: MemoryLayer) -> None:
    """A name outside the grammar is refused, and never looked at again."""
    with pytest.raises(InvalidName):
        Message({"reply_channel": "no such name"}, "websocket.receive", layer)


def test_a_copy_has_a_dict_of_its_own(layer: MemoryLayer) -> None:
    """Changing a copy leaves the original alone; values are shared."""
    body = b"x" * 100
    message = Message({"body": body}, "http.request", layer)

    twin = message.copy()
    twin["path"] = "/"

    assert "path" not in message
    assert twin["body"] is body
    assert twin.channel.name == "http.request"


def test_a_message_tells_its_keys(layer: MemoryLayer) -> None:
    """The repr never shows values, which may be secrets or large."""
    assert repr(Message({"text": "secret"}, "websocket.receive", layer)) == "<Message on websocket.receive [text]>"
