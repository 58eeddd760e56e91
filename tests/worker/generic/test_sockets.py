"""``WebsocketConsumer`` and ``JsonWebsocketConsumer``: one class for the messages of a WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.socket_talk import SocketTalk
from support.worker_run import worker_for
from zmqlayer.worker import Group, Message
from zmqlayer.worker.exceptions import AcceptConnection, DenyConnection, WebsocketCloseException
from zmqlayer.worker.generic.websockets import JsonWebsocketConsumer, WebsocketConsumer
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.sessions import uses_channel_session


class Echo(WebsocketConsumer):
    """Sends back what came."""

    groups = ["everybody"]

    def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
        """Answer in kind."""
        self.send(text=text, bytes=bytes)


class Room(JsonWebsocketConsumer):
    """Tells a room what one says."""

    def connection_groups(self, **kwargs: Any) -> list[str]:
        """One room for each path."""
        return [f"room-{kwargs['room']}"]

    def receive(self, content: Any, **kwargs: Any) -> None:
        """Tell all, the speaker too."""
        self.group_send(f"room-{kwargs['room']}", {"said": content, "at": self.path})


def talk(layer: MemoryLayer, consumer: type, path: str = "/lobby/", **values: Any) -> SocketTalk:
    """A client of *consumer*."""
    worker = worker_for(layer, [consumer.as_route(path=r"^/(?P<room>\w+)/$")])  # type: ignore[attr-defined]
    return SocketTalk(layer, worker, path, **values)


@pytest.fixture(autouse=True)
def default_layer(layer: MemoryLayer) -> Iterator[None]:
    """Let ``Group(name)`` use the test's layer, as in a process with one layer."""
    channel_layers.put("default", layer)
    yield
    channel_layers.close()


def test_a_socket_from_beginning_to_end(layer: MemoryLayer) -> None:
    """It is let in and is in the class's groups, until it leaves."""
    socket = talk(layer, Echo)

    assert socket.connects() == [{"accept": True}]
    assert layer.groups["everybody"] == {socket.reply_channel}
    assert socket.says("hi") == [{"text": "hi"}]
    assert socket.says(octets=b"hi") == [{"bytes": b"hi"}]
    assert socket.leaves() == []
    assert layer.groups["everybody"] == set()


def test_an_empty_frame_is_a_frame(layer: MemoryLayer) -> None:
    """Empty text is text."""
    assert talk(layer, Echo).says("") == [{"text": ""}]


def test_hooks_hear_what_the_filters_found(layer: MemoryLayer) -> None:
    """All three get the message's keyword arguments."""
    heard: list[Any] = []

    class Listening(WebsocketConsumer):
        def connect(self, message: Message, **kwargs: Any) -> None:
            heard.append(("connect", kwargs))

        def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
            heard.append((text, kwargs))

        def disconnect(self, message: Message, **kwargs: Any) -> None:
            heard.append((message["code"], kwargs))

    socket = talk(layer, Listening)
    socket.connects()
    socket.says("hi")
    socket.leaves(1001)

    assert heard == [("connect", {"room": "lobby"}), ("hi", {"room": "lobby"}), (1001, {"room": "lobby"})]


@pytest.mark.parametrize(
    ("refuse", "answer"),
    [
        (lambda consumer: consumer.close(), {"close": True}),
        (lambda consumer: consumer.close(4003), {"close": 4003}),
        (lambda consumer: consumer.send(text="no", close=4003), {"text": "no", "close": 4003}),
        (lambda consumer: consumer.reply_channel.send({"close": True}), {"close": True}),
        (lambda consumer: consumer.reply_channel.send({"accept": False}), {"accept": False}),
        (lambda consumer: consumer.reply_channel.send({"close": True}, immediately=True), {"close": True}),
    ],
)
def test_who_is_refused_joins_no_group(layer: MemoryLayer, refuse: Any, answer: Any) -> None:
    """Else a message of the group would open the WebSocket before the refusal arrives, and be heard."""

    class Private(WebsocketConsumer):
        groups = ["members"]

        def connect(self, message: Message, **kwargs: Any) -> None:
            refuse(self)

    assert talk(layer, Private).connects() == [answer]
    assert layer.groups["members"] == set()


def test_a_refusal_is_not_taken_back_by_a_later_word(layer: MemoryLayer) -> None:
    """What decides is that the WebSocket was refused, not what was said last."""

    class Private(WebsocketConsumer):
        groups = ["members"]

        def connect(self, message: Message, **kwargs: Any) -> None:
            self.reply_channel.send({"close": 4003})
            self.reply_channel.send({"text": "no"})

    talk(layer, Private).connects()

    assert layer.groups["members"] == set()


@pytest.mark.parametrize("answer", [{"accept": True, "close": False}, {"text": "welcome", "close": None}])
def test_who_is_let_in_in_other_words_joins(layer: MemoryLayer, answer: Any) -> None:
    """A close that is none closes nothing."""

    class Open(WebsocketConsumer):
        groups = ["members"]

        def connect(self, message: Message, **kwargs: Any) -> None:
            self.reply_channel.send(answer)

    assert talk(layer, Open).connects() == [answer]
    assert len(layer.groups["members"]) == 1


@pytest.mark.parametrize(
    ("outcome", "answer", "members"),
    [
        (AcceptConnection(), {"accept": True}, 1),
        (DenyConnection(), {"close": True}, 0),
        (WebsocketCloseException(4003), {"close": 4003}, 0),
        (RuntimeError("broken"), {"close": 1011, "status": 500}, 0),
    ],
)
def test_what_connect_may_raise(layer: MemoryLayer, outcome: Exception, answer: Any, members: int) -> None:
    """Only a socket that is let in joins the groups."""

    class Raising(WebsocketConsumer):
        groups = ["members"]

        def connect(self, message: Message, **kwargs: Any) -> None:
            raise outcome

    assert talk(layer, Raising).connects() == [answer]
    assert len(layer.groups["members"]) == members


@pytest.mark.parametrize(("status", "answer"), [(True, {"close": True}), (4001, {"close": 4001})])
def test_closing_with_a_code(layer: MemoryLayer, status: Any, answer: Any) -> None:
    """``close`` sends what it is given; the last word comes before it."""

    class Closing(WebsocketConsumer):
        def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
            self.send(text="bye")
            self.close(status)

    assert talk(layer, Closing).says("hi") == [{"text": "bye"}, answer]


def test_a_method_that_fails(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the class, and the client is closed with 1011."""

    class Broken(WebsocketConsumer):
        def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
            raise RuntimeError("broken")

    assert talk(layer, Broken).says("hi") == [{"close": 1011, "status": 500}]
    assert "Broken failed on a message on websocket.receive" in caplog.text
    assert "RuntimeError: broken" in caplog.text


def test_sending_what_is_no_text(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """It fails where it was sent, by name."""

    class Mistaken(WebsocketConsumer):
        def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
            self.send(text={"a": 1})  # type: ignore[arg-type]

    assert talk(layer, Mistaken).says("hi") == [{"close": 1011, "status": 500}]
    assert "text must be a str, not dict" in caplog.text


def test_a_message_from_nowhere(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """Where there is nobody to answer, the log says so."""
    worker = worker_for(layer, [Echo.as_route()])

    worker.consume("websocket.connect", {"path": "/"})

    assert "has no reply channel, so there is nobody to answer" in caplog.text


def test_rooms(layer: MemoryLayer) -> None:
    """What a group is sent, its members hear as JSON, and nobody else."""
    ada, bob = talk(layer, Room, name="ada"), talk(layer, Room, name="bob")
    eve = talk(layer, Room, "/attic/", name="eve")
    for socket in (ada, bob, eve):
        socket.connects()

    heard = ada.says_json(["hello", 7, None])

    assert [json.loads(message["text"]) for message in heard] == [{"said": ["hello", 7, None], "at": "/lobby/"}]
    assert bob.hears() == heard
    assert eve.hears() == []


def test_group_send_from_anywhere(layer: MemoryLayer) -> None:
    """It is the class's, so that views and tasks can use it; with a close, who hears it is closed then."""
    socket = talk(layer, Room)
    socket.connects()

    Room.group_send("room-lobby", {"news": 1})
    Echo.group_send("room-lobby", bytes=b"raw")
    Echo.group_send("room-lobby", text="bye", close=1001)

    assert socket.hears() == [{"text": '{"news": 1}'}, {"bytes": b"raw"}, {"text": "bye", "close": 1001}]


@pytest.mark.parametrize(("frame", "code"), [({"text": "{oops"}, 1007), ({"octets": b"{}"}, 1003)])
def test_clients_that_do_not_speak_json(
    layer: MemoryLayer, caplog: pytest.LogCaptureFixture, frame: Any, code: int
) -> None:
    """They are closed with a code that says why; that is no failure of the consumer."""
    assert talk(layer, Room).says(**frame) == [{"close": code}]
    assert "failed" not in caplog.text


def test_a_codec_of_ones_own(layer: MemoryLayer) -> None:
    """Override ``encode_json`` and ``decode_json``; both ways and groups use them."""

    class Shouting(JsonWebsocketConsumer):
        @classmethod
        def decode_json(cls, text: str) -> Any:
            return json.loads(text.lower())

        @classmethod
        def encode_json(cls, content: Any) -> str:
            return json.dumps(content).upper()

        def receive(self, content: Any, **kwargs: Any) -> None:
            self.send(content)
            self.group_send("all", content, close=True)

    socket = talk(layer, Shouting)
    layer.group_add("all", socket.reply_channel)

    assert socket.says('{"A": "B"}') == [{"text": '{"A": "B"}'}, {"text": '{"A": "B"}', "close": True}]
    assert socket.says("oops") == [{"close": 1007}]


def test_values_that_json_does_not_have(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """They are the consumer's failure."""

    class Mistaken(JsonWebsocketConsumer):
        def receive(self, content: Any, **kwargs: Any) -> None:
            self.send({"set": {1, 2}})

    assert talk(layer, Mistaken).says_json(1) == [{"close": 1011, "status": 500}]
    assert "not JSON serializable" in caplog.text


def test_groups_must_be_a_list(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """One string is a mistake that everybody makes once."""

    class Mistaken(WebsocketConsumer):
        groups = "everybody"

    assert talk(layer, Mistaken).connects() == [{"accept": True}, {"close": 1011, "status": 500}]
    assert "Mistaken.connection_groups() gives 'everybody'; it must be a list of group names" in caplog.text


def test_coroutines_have_classes_of_their_own() -> None:
    """An ``async def`` in a plain class is refused when the class is made."""
    with pytest.raises(TypeError, match="receive is an async def: inherit from the Async"):

        class Mixed(WebsocketConsumer):
            async def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None: ...


def test_slight_ordering_is_no_more() -> None:
    """Classes that set it are refused when they are made, with the cure."""
    with pytest.raises(ValueError, match="Old sets slight_ordering, which is always on: remove it"):
        type("Old", (WebsocketConsumer,), {"slight_ordering": True})


@pytest.mark.parametrize("flag", ["channel_session", "channel_session_user", "http_user", "http_user_and_session"])
def test_sessions_show_on_the_class(flag: str) -> None:
    """Whatever needs a channel session has routing delete it at the end."""
    assert not uses_channel_session(WebsocketConsumer)
    assert uses_channel_session(type("WithSession", (WebsocketConsumer,), {flag: True}))
    assert uses_channel_session(WebsocketConsumer.as_route({flag: True}).consumer)


def test_members_hear_each_other(layer: MemoryLayer) -> None:
    """A message to a group that is sent while connecting reaches the one that connects: it leaves at the end."""

    class Greeting(WebsocketConsumer):
        groups = ["everybody"]

        def connect(self, message: Message, **kwargs: Any) -> None:
            super().connect(message, **kwargs)
            Group("everybody").send({"text": "somebody came"})

    assert talk(layer, Greeting).connects() == [{"accept": True}, {"text": "somebody came"}]
