"""``BaseConsumer``: methods for channels."""

from __future__ import annotations

from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.worker_run import worker_for
from zmqlayer.worker import Message, route, route_class
from zmqlayer.worker.exceptions import InvalidRoutingError
from zmqlayer.worker.generic import BaseConsumer
from zmqlayer.worker.routing import consumer_name
from zmqlayer.worker.sessions import uses_channel_session


class Thumbnails(BaseConsumer):
    """Two channels, two methods."""

    method_mapping = {"thumbnail.make": "make", "thumbnail.drop": "drop"}
    size = 100

    def make(self, message: Message, **kwargs: Any) -> None:
        """Say what it would do."""
        message.reply_channel.send({"made": message["image"], "size": self.size})

    def drop(self, message: Message, **kwargs: Any) -> None:
        """Say what it was called with."""
        message.reply_channel.send({"dropped": self.kwargs, "also": kwargs, "same": self.message is message})


def ask(layer: MemoryLayer, routing: list[Any], channel: str, **content: Any) -> list[dict[str, Any]]:
    """Give a worker with *routing* one message, and return the answers."""
    worker_for(layer, routing).consume(channel, {"reply_channel": layer.reply_channel(), **content})
    return layer.sent(layer.reply_channel())


@pytest.mark.parametrize("entry", [Thumbnails.as_route(), route_class(Thumbnails), route("thumbnail.make", Thumbnails)])
def test_a_class_is_a_consumer(layer: MemoryLayer, entry: Any) -> None:
    """However it gets into the routing."""
    assert ask(layer, [entry], "thumbnail.make", image="cat.png") == [{"made": "cat.png", "size": 100}]


def test_a_class_names_its_channels() -> None:
    """The worker reads those of its methods."""
    assert Thumbnails.channel_names() == {"thumbnail.make", "thumbnail.drop"}
    assert Thumbnails.as_route().channel_names() == {"thumbnail.make", "thumbnail.drop"}


def test_what_the_filters_found(layer: MemoryLayer) -> None:
    """It is on the instance, as the message is, and a keyword argument of the method."""
    routing = [Thumbnails.as_route(image=r"(?P<name>\w+)\.png")]

    assert ask(layer, routing, "thumbnail.drop", image="cat.png") == [
        {"dropped": {"name": "cat"}, "also": {"name": "cat"}, "same": True}
    ]


def test_one_class_in_two_variants(layer: MemoryLayer) -> None:
    """``attrs`` change the class for one route only."""
    routing = [Thumbnails.as_route({"size": 500}, image="big"), Thumbnails.as_route()]

    assert ask(layer, routing, "thumbnail.make", image="big.png") == [{"made": "big.png", "size": 500}]
    assert ask(layer, routing, "thumbnail.make", image="cat.png") == [{"made": "cat.png", "size": 100}]


def test_a_variant_keeps_its_name() -> None:
    """In the log it is the class that the project wrote."""
    assert consumer_name(Thumbnails.as_route({"size": 500}).consumer) == consumer_name(Thumbnails)


def test_one_instance_for_each_message(layer: MemoryLayer) -> None:
    """Nothing that one message left on ``self`` is there for the next."""

    class Counting(BaseConsumer):
        method_mapping = {"count": "count"}
        seen = 0

        def count(self, message: Message, **kwargs: Any) -> None:
            self.seen += 1
            message.reply_channel.send({"seen": self.seen})

    routing = [Counting.as_route()]

    assert ask(layer, routing, "count") + ask(layer, routing, "count") == [{"seen": 1}, {"seen": 1}]


def test_a_method_that_is_a_coroutine(layer: MemoryLayer) -> None:
    """The worker awaits it."""

    class Slow(BaseConsumer):
        method_mapping = {"a": "answer"}

        async def answer(self, message: Message, **kwargs: Any) -> None:
            await message.reply_channel.asend({"from": "coroutine"})

    assert ask(layer, [Slow.as_route()], "a") == [{"from": "coroutine"}]


def test_a_channel_without_a_method(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """A route that sends more than the class can take is named in the log."""

    class Lacking(BaseConsumer):
        method_mapping = {"a": "missing"}

    assert ask(layer, [route(["a", "b"], Lacking)], "a") == ask(layer, [route(["a", "b"], Lacking)], "b") == []
    assert "has no method for messages on 'a': see its method_mapping" in caplog.text
    assert "has no method for messages on 'b': see its method_mapping" in caplog.text


def test_dispatch_can_be_called_by_hand(layer: MemoryLayer) -> None:
    """As routing does it."""
    message = Message({}, "thumbnail.make", layer)

    with pytest.raises(InvalidRoutingError):
        BaseConsumer(message).dispatch(message)


@pytest.mark.parametrize("flag", ["channel_session", "channel_session_user"])
def test_sessions_show_on_the_class(flag: str) -> None:
    """Routing asks the class, so that the session ends with the connection."""
    assert not uses_channel_session(Thumbnails)
    assert uses_channel_session(type("WithSession", (Thumbnails,), {flag: True}))
    assert uses_channel_session(Thumbnails.as_route({flag: True}).consumer)


@pytest.mark.usefixtures("database")
def test_a_session_for_all_methods(layer: MemoryLayer) -> None:
    """With ``channel_session`` messages have the session of their connection."""

    class Counting(BaseConsumer):
        method_mapping = {"count": "count"}
        channel_session = True

        def count(self, message: Message, **kwargs: Any) -> None:
            message.channel_session["seen"] = message.channel_session.get("seen", 0) + 1
            message.reply_channel.send({"seen": message.channel_session["seen"]})

    routing = [Counting.as_route()]

    assert ask(layer, routing, "count") + ask(layer, routing, "count") == [{"seen": 1}, {"seen": 2}]
