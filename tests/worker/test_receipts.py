"""Receipts: the server of a WebSocket learns when the consumer of a message has ended."""

from __future__ import annotations

from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.worker_run import Waiting, worker_for
from zmqlayer.worker import Channel, Message, route
from zmqlayer.worker.exceptions import ConsumeLater, StopConsumer
from zmqlayer.worker.receipts import read_receipt
from zmqlayer.worker.routing import Router
from zmqlayer.worker.worker import Worker


def consume(layer: MemoryLayer, consumer: Any, **content: Any) -> list[dict[str, Any]]:
    """Give *consumer* the third message of a WebSocket; return what its server hears."""
    message = {"reply_channel": layer.reply_channel(), "path": "/", "text": "hi", "order": 3, **content}
    worker_for(layer, [route("websocket.receive", consumer)]).consume("websocket.receive", message)
    return layer.sent(layer.reply_channel())


def answer(message: Message, content: dict[str, Any], immediately: bool = False) -> None:
    """Send to the WebSocket."""
    assert message.reply_channel is not None
    message.reply_channel.send(content, immediately)


def test_the_last_answer_carries_it(layer: MemoryLayer) -> None:
    """No message more than there would be without it, and what the consumer sent is as it was."""
    said = {"text": "b"}

    def consumer(message: Message) -> None:
        answer(message, {"text": "a"})
        answer(message, said)

    assert consume(layer, consumer) == [{"text": "a"}, {"text": "b", "consumed": 3}]
    assert said == {"text": "b"}


def test_a_consumer_without_an_answer_has_ended_too(layer: MemoryLayer) -> None:
    """The server gets a message for it."""
    assert consume(layer, lambda message: None) == [{"consumed": 3}]


def test_it_comes_after_everything_else(layer: MemoryLayer) -> None:
    """An answer that is not the last of all that was sent does not carry it: another message is still to go."""

    def consumer(message: Message) -> None:
        answer(message, {"text": "a"})
        Channel("log", channel_layer=layer).send({})

    assert consume(layer, consumer) == [{"text": "a"}, {"consumed": 3}]


def test_what_is_sent_at_once_says_that_the_consumer_runs(layer: MemoryLayer) -> None:
    """So a server knows from the first answer on that it will be told."""

    def consumer(message: Message) -> None:
        answer(message, {"text": "a"}, immediately=True)

    assert consume(layer, consumer) == [{"text": "a", "consumed": 2}, {"consumed": 3}]


def test_a_consumer_that_stops_has_ended(layer: MemoryLayer) -> None:
    """The next message is not held up by it."""

    def consumer(message: Message) -> None:
        raise StopConsumer

    assert consume(layer, consumer) == [{"consumed": 3}]


def test_a_consumer_that_fails_has_ended(layer: MemoryLayer) -> None:
    """The word that closes the socket carries it."""

    def consumer(message: Message) -> None:
        raise RuntimeError("broken")

    assert consume(layer, consumer) == [{"close": 1011, "status": 500, "consumed": 3}]


def test_a_coroutine_has_ended_when_it_is_awaited(layer: MemoryLayer) -> None:
    """What it sent on the way says that it still runs."""

    async def consumer(message: Message) -> None:
        assert message.reply_channel is not None
        await message.reply_channel.asend({"text": "a"}, immediately=True)

    assert consume(layer, consumer) == [{"text": "a", "consumed": 2}, {"consumed": 3}]


def later(message: Message) -> None:
    """Ask for later."""
    raise ConsumeLater


def test_later_is_not_the_end(layer: MemoryLayer) -> None:
    """The message comes again, and the one after it must wait."""
    assert consume(layer, later) == []


def test_never_is_the_end(layer: MemoryLayer) -> None:
    """A message that was dropped after its last try holds nothing up."""
    assert consume(layer, later, __retries__=10) == [{"consumed": 3}]


def test_no_way_back_is_the_end() -> None:
    """Likewise if the channel has no room for another try."""
    layer = MemoryLayer(capacity=1)
    layer.send("websocket.receive", {})

    assert consume(layer, later) == [{"consumed": 3}]


def test_a_message_that_nobody_wants_has_its_end(layer: MemoryLayer) -> None:
    """Its route is missing; the next one may have one."""
    message = {"reply_channel": layer.reply_channel(), "path": "/", "order": 3}

    worker = Worker(layer, Router([route("websocket.receive", later, path="/x")]), patience=Waiting().patience())
    worker.consume("websocket.receive", message)

    assert layer.sent(layer.reply_channel()) == [{"consumed": 3}]


@pytest.mark.parametrize(
    ("channel", "content"),
    [
        ("websocket.disconnect", {"order": 3}),
        ("http.request", {"order": 3}),
        ("websocket.receive", {}),
        ("websocket.receive", {"order": "3"}),
    ],
)
def test_who_is_not_told(channel: str, content: dict[str, Any]) -> None:
    """Only the two channels have a next message that waits."""
    assert read_receipt("a!b", channel, content) is None


def test_who_has_no_reply_channel_is_not_told() -> None:
    """There is nobody to tell."""
    assert read_receipt(None, "websocket.receive", {"order": 3}) is None
