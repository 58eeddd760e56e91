"""What consumers may raise."""

from __future__ import annotations

from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from zmqlayer.worker import Message
from zmqlayer.worker.exceptions import (
    AcceptConnection,
    ChannelSocketException,
    DenyConnection,
    InvalidChannelLayerError,
    InvalidRoutingError,
    WebsocketCloseException,
)


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (AcceptConnection(), {"accept": True}),
        (DenyConnection(), {"close": True}),
        (WebsocketCloseException(), {"close": True}),
        (WebsocketCloseException(4001), {"close": 4001}),
    ],
)
def test_what_the_connection_is_told(
    layer: MemoryLayer, outcome: ChannelSocketException, answer: dict[str, Any]
) -> None:
    """Each exception is an answer to the connection, whatever message it is raised for."""
    reply = layer.reply_channel()

    outcome.run(Message({"reply_channel": reply}, "websocket.receive", layer))

    assert layer.sent(reply) == [answer]


def test_nobody_to_tell(layer: MemoryLayer) -> None:
    """For a message without a reply channel the exception is a mistake, and says so."""
    with pytest.raises(ValueError, match="DenyConnection was raised for a message without a reply channel"):
        DenyConnection().run(Message({}, "thumbnail.make", layer))


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000])
def test_codes_outside_the_protocol(code: int) -> None:
    """A close code that no browser would get, since no server may send it, is refused where it is written."""
    with pytest.raises(ValueError, match="is not a WebSocket close code"):
        WebsocketCloseException(code)


def test_own_outcomes_say_what_to_do(layer: MemoryLayer) -> None:
    """A subclass without ``run`` is reported."""
    with pytest.raises(NotImplementedError):
        ChannelSocketException().run(Message({}, "a", layer))


def test_sentences() -> None:
    """Errors of settings name the place and the problem."""
    assert str(InvalidChannelLayerError("default", "is missing")) == "CHANNEL_LAYERS['default'] is missing"
    assert str(InvalidRoutingError("a.b", "is odd")) == "'a.b' is odd"
