"""``WebsocketDemultiplexer``: several consumers on one WebSocket, each with a stream of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.socket_talk import SocketTalk
from support.worker_run import worker_for
from zmqlayer.worker import Channel, Message
from zmqlayer.worker.exceptions import SendNotAvailableOnDemultiplexer
from zmqlayer.worker.generic.websockets import (
    AsyncJsonWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
    WebsocketDemultiplexer,
    WebsocketMultiplexer,
)
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.sessions import uses_channel_session


class Echo(JsonWebsocketConsumer):
    """Sends back what came on its stream, and where."""

    def connect(self, message: Message, multiplexer: Any = None, **kwargs: Any) -> None:
        """Greet."""
        multiplexer.send({"hello": kwargs})

    def receive(self, content: Any, multiplexer: Any = None, **kwargs: Any) -> None:
        """Answer on the same stream."""
        multiplexer.send({"echo": content, "at": self.path})

    def disconnect(self, message: Message, multiplexer: Any = None, **kwargs: Any) -> None:
        """Say goodbye to nobody."""
        multiplexer.send({"bye": message["code"]})


class Later(AsyncJsonWebsocketConsumer):
    """The same in coroutines."""

    async def connect(self, message: Message, multiplexer: Any = None, **kwargs: Any) -> None:
        """Greet."""
        await multiplexer.asend({"hello": "later"})

    async def receive(self, content: Any, multiplexer: Any = None, **kwargs: Any) -> None:
        """Answer on the same stream."""
        await multiplexer.asend({"later": content})


def stamp(message: Message, multiplexer: Any, **kwargs: Any) -> None:
    """Any function will do."""
    if message.channel.name == "websocket.receive":
        multiplexer.send({"stamped": json.loads(message["text"])})


class Page(WebsocketDemultiplexer):
    """All of them."""

    consumers = {"echo": Echo, "later": Later, "stamp": stamp}
    groups = ["readers"]


def talk(layer: MemoryLayer, consumer: Any = Page) -> SocketTalk:
    """A client of *consumer*."""
    return SocketTalk(layer, worker_for(layer, [consumer.as_route(path=r"^/(?P<page>\w+)/$")]), "/news/")


@pytest.fixture(autouse=True)
def default_layer(layer: MemoryLayer) -> Iterator[None]:
    """Let ``Group(name)`` use the test's layer, as in a process with one layer."""
    channel_layers.put("default", layer)
    yield
    channel_layers.close()


def test_each_stream_has_its_consumer(layer: MemoryLayer) -> None:
    """A class, a class of coroutines, a function: each hears its own stream and answers on it."""
    socket = talk(layer)

    assert socket.says_on("echo", {"a": 1}) == [{"echo": {"a": 1}, "at": "/news/"}]
    assert socket.says_on("later", {"a": 1}) == [{"later": {"a": 1}}]
    assert socket.says_on("stamp", {"a": 1}) == [{"stamped": {"a": 1}}]


def test_all_hear_of_connects_and_disconnects(layer: MemoryLayer) -> None:
    """The socket is opened once, and is in the demultiplexer's groups."""
    socket = talk(layer)

    opened, *greetings = socket.connects()

    assert opened == {"accept": True}
    assert [json.loads(message["text"]) for message in greetings] == [
        {"stream": "echo", "payload": {"hello": {"page": "news"}}},
        {"stream": "later", "payload": {"hello": "later"}},
    ]
    assert layer.groups["readers"] == {socket.reply_channel}
    assert [json.loads(message["text"]) for message in socket.leaves(1001)] == [
        {"stream": "echo", "payload": {"bye": 1001}}
    ]
    assert layer.groups["readers"] == set()


def test_a_consumer_without_connect_says_nothing(layer: MemoryLayer) -> None:
    """The demultiplexer has opened the socket already."""

    class Quiet(WebsocketDemultiplexer):
        consumers = {"a": JsonWebsocketConsumer, "b": AsyncJsonWebsocketConsumer}

    assert talk(layer, Quiet).connects() == [{"accept": True}]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("{oops", 1007),
        ("[]", 1008),
        ("7", 1008),
        ("null", 1008),
        ('"echo"', 1008),
        ("{}", 1008),
        ('{"stream": "echo"}', 1008),
        ('{"payload": {}}', 1008),
        ('{"stream": "nowhere", "payload": {}}', 1008),
        ('{"stream": ["echo"], "payload": {}}', 1008),
        ('{"stream": {"echo": 1}, "payload": {}}', 1008),
        ('{"stream": null, "payload": {}}', 1008),
        ('{"stream": "echo", "payload": []}', 1008),
        ('{"stream": "echo", "payload": "{}"}', 1008),
        ('{"stream": "echo", "payload": null}', 1008),
        ('{"stream": "echo", "payload": {"a": ' + "[" * 100_000 + "}}", 1007),
    ],
)
def test_garbage(layer: MemoryLayer, caplog: pytest.LogCaptureFixture, said: str, code: int) -> None:
    """Who does not speak of a stream and an object is closed; no consumer hears it, and none has failed."""
    assert talk(layer).says(said) == [{"close": code}]
    assert "failed" not in caplog.text


def test_bytes(layer: MemoryLayer) -> None:
    """Streams are in text."""
    assert talk(layer).says(octets=b'{"stream": "echo", "payload": {}}') == [{"close": 1003}]


def test_the_log_says_who_sent_garbage(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """And what was wrong with it, but not what it was."""
    caplog.set_level("INFO", "zmqlayer.worker")
    socket = talk(layer)

    socket.says('{"stream": "password123", "payload": {}}')

    assert f"closing {socket.reply_channel} with 1008: the client sent a stream that there is not" in caplog.text
    assert "password123" not in caplog.text


def test_a_huge_payload(layer: MemoryLayer) -> None:
    """It is only a payload."""
    [answer] = talk(layer).says_on("stamp", {"text": "x" * 1_000_000})

    assert len(answer["stamped"]["text"]) == 1_000_000


def test_what_one_consumer_does_no_other_sees(layer: MemoryLayer) -> None:
    """Instances, messages and keyword arguments are each consumer's own, for this message only."""
    seen: list[Any] = []

    class Greedy(WebsocketConsumer):
        shared = "clean"

        def connect(self, message: Message, **kwargs: Any) -> None:
            seen.append((self.shared, sorted(kwargs), message.get("mark"), hasattr(message, "mark")))
            self.shared = "dirty"
            kwargs["stolen"] = True
            message["mark"] = message.mark = "dirty"  # type: ignore[attr-defined]

    class Both(WebsocketDemultiplexer):
        consumers = {"a": Greedy, "b": Greedy}

    talk(layer, Both).connects()

    assert seen == [("clean", ["multiplexer", "page"], None, False)] * 2


def test_a_consumer_has_its_own_way_out(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """What it would send past its stream is refused by name."""

    class Mistaken(JsonWebsocketConsumer):
        def receive(self, content: Any, **kwargs: Any) -> None:
            self.send(content)

    class Wrong(WebsocketDemultiplexer):
        consumers = {"mistaken": Mistaken}

    assert talk(layer, Wrong).says_json({"stream": "mistaken", "payload": {}}) == [{"close": 1011, "status": 500}]
    assert "Mistaken is behind a demultiplexer: send with multiplexer.send(...)" in caplog.text


def test_the_same_class_alone(layer: MemoryLayer) -> None:
    """A class that was behind a demultiplexer is not changed by it."""

    class Ping(JsonWebsocketConsumer):
        def receive(self, content: Any, multiplexer: Any = None, **kwargs: Any) -> None:
            (multiplexer or self).send({"pong": content})

    class Behind(WebsocketDemultiplexer):
        consumers = {"ping": Ping}

    assert talk(layer, Behind).says_on("ping", {"n": 1}) == [{"pong": {"n": 1}}]
    assert talk(layer, Ping).says_json(2) == [{"text": '{"pong": 2}'}]


def test_the_demultiplexer_itself_sends_nothing() -> None:
    """Not to the client, not to groups."""
    with pytest.raises(SendNotAvailableOnDemultiplexer, match="with the multiplexer"):
        Page(None).send({})  # type: ignore[arg-type]
    with pytest.raises(SendNotAvailableOnDemultiplexer, match=r"WebsocketMultiplexer\.group_send"):
        Page.group_send("readers", {})


def test_a_consumer_can_close_the_socket(layer: MemoryLayer) -> None:
    """All of it: there is one connection."""

    class Closing(JsonWebsocketConsumer):
        def receive(self, content: Any, **kwargs: Any) -> None:
            self.close(4001)

    class Page(WebsocketDemultiplexer):
        consumers = {"closing": Closing}

    assert talk(layer, Page).says_json({"stream": "closing", "payload": {}}) == [{"close": 4001}]


@pytest.mark.parametrize("broken", ["plain", "coroutine"])
def test_a_consumer_that_fails(layer: MemoryLayer, caplog: pytest.LogCaptureFixture, broken: str) -> None:
    """The client is closed, and coroutines that nobody will await any more are dropped in good order."""

    class Broken(JsonWebsocketConsumer):
        def connect(self, message: Message, **kwargs: Any) -> None:
            raise RuntimeError("broken plain")

    class AsyncBroken(AsyncJsonWebsocketConsumer):
        async def connect(self, message: Message, **kwargs: Any) -> None:
            raise RuntimeError("broken coroutine")

    class Page(WebsocketDemultiplexer):
        consumers = {"later": Later, "broken": Broken} if broken == "plain" else {"broken": AsyncBroken, "later": Later}

    assert talk(layer, Page).connects() == [{"accept": True}, {"close": 1011, "status": 500}]
    assert f"RuntimeError: broken {broken}" in caplog.text


def test_a_multiplexer_of_ones_own(layer: MemoryLayer) -> None:
    """``multiplexer_class`` decides how payloads are written."""

    class Shouting(WebsocketMultiplexer):
        @classmethod
        def encode_json(cls, content: Any) -> str:
            return json.dumps(content).upper()

    class Loud(WebsocketDemultiplexer):
        consumers = {"stamp": stamp}
        multiplexer_class = Shouting

    assert talk(layer, Loud).says_json({"stream": "stamp", "payload": {"a": "b"}}) == [
        {"text": '{"STREAM": "STAMP", "PAYLOAD": {"STAMPED": {"A": "B"}}}'}
    ]


def test_groups_hear_streams(layer: MemoryLayer) -> None:
    """``group_send`` says on which; with a close, who hears it is closed then."""
    socket = talk(layer)
    layer.group_add("readers", socket.reply_channel)

    WebsocketMultiplexer.group_send("readers", "news", {"n": 1})
    WebsocketMultiplexer.group_send("readers", "news", {"n": 2}, close=1001)

    assert socket.hears() == [
        {"text": '{"stream": "news", "payload": {"n": 1}}'},
        {"text": '{"stream": "news", "payload": {"n": 2}}', "close": 1001},
    ]


def test_groups_hear_streams_from_coroutines(layer: MemoryLayer) -> None:
    """``agroup_send`` is the same."""
    socket = talk(layer)
    layer.group_add("readers", socket.reply_channel)

    asyncio.run(WebsocketMultiplexer.agroup_send("readers", "news", {"n": 1}))

    assert socket.hears_json() == [{"stream": "news", "payload": {"n": 1}}]


def test_a_multiplexer_tells_where_it_leads(layer: MemoryLayer) -> None:
    """For the log."""
    multiplexer = WebsocketMultiplexer("news", Channel("reply", channel_layer=layer))

    assert repr(multiplexer) == "<WebsocketMultiplexer news to reply>"


class Counting(JsonWebsocketConsumer):
    """Counts in the channel session, under the name of its stream."""

    channel_session = True

    def receive(self, content: Any, multiplexer: Any = None, **kwargs: Any) -> None:
        """Say how often."""
        session = self.message.channel_session
        session[multiplexer.stream] = session.get(multiplexer.stream, 0) + 1
        multiplexer.send({"count": session[multiplexer.stream]})

    def disconnect(self, message: Message, multiplexer: Any = None, **kwargs: Any) -> None:
        """Say how often in all."""
        multiplexer.send({"total": self.message.channel_session.get(multiplexer.stream)})


class Counters(WebsocketDemultiplexer):
    """Two of them."""

    consumers = {"a": Counting, "b": Counting, "stamp": stamp}


@pytest.mark.usefixtures("database")
def test_consumers_share_the_session(layer: MemoryLayer) -> None:
    """It is there for all of them until the last has heard that the connection ended."""
    socket = talk(layer, Counters)
    socket.connects()

    assert socket.says_on("a", {}) == [{"count": 1}]
    assert socket.says_on("a", {}) == [{"count": 2}]
    assert socket.says_on("b", {}) == [{"count": 1}]
    assert [json.loads(message["text"])["payload"] for message in socket.leaves()] == [{"total": 2}, {"total": 1}]


def test_sessions_show_on_the_class() -> None:
    """If it or any consumer behind it uses one."""
    assert uses_channel_session(Counters)
    assert not uses_channel_session(Page)
    assert uses_channel_session(type("WithUser", (Page,), {"http_user": True}))
