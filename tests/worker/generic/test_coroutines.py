"""``AsyncWebsocketConsumer`` and ``AsyncJsonWebsocketConsumer``: the same with ``async def`` and ``await``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.socket_talk import SocketTalk
from support.worker_run import worker_for
from zmqlayer.worker import Message
from zmqlayer.worker.exceptions import AcceptConnection, DenyConnection
from zmqlayer.worker.generic.websockets import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
from zmqlayer.worker.layers import channel_layers


class Echo(AsyncWebsocketConsumer):
    """Sends back what came."""

    groups = ["everybody"]

    async def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
        """Answer in kind, after others had a turn."""
        await asyncio.sleep(0)
        await self.send(text=text, bytes=bytes)


class Room(AsyncJsonWebsocketConsumer):
    """Tells a room what one says."""

    def connection_groups(self, **kwargs: Any) -> list[str]:
        """One room for each path."""
        return [f"room-{kwargs['room']}"]

    async def receive(self, content: Any, **kwargs: Any) -> None:
        """Tell all, the speaker too; and leave if asked."""
        await self.group_send(f"room-{kwargs['room']}", {"said": content, "at": self.path})
        if content == "bye":
            await self.send("bye", close=4001)


@pytest.fixture(autouse=True)
def default_layer(layer: MemoryLayer) -> Iterator[None]:
    """Let ``Group(name)`` use the test's layer, as in a process with one layer."""
    channel_layers.put("default", layer)
    yield
    channel_layers.close()


def talk(layer: MemoryLayer, consumer: Any, name: str = "browser") -> SocketTalk:
    """A client of *consumer*."""
    return SocketTalk(layer, worker_for(layer, [consumer.as_route(path=r"^/(?P<room>\w+)/$")]), "/lobby/", name)


def test_a_socket_from_beginning_to_end(layer: MemoryLayer) -> None:
    """It is let in and is in the class's groups, until it leaves."""
    socket = talk(layer, Echo)

    assert socket.connects() == [{"accept": True}]
    assert layer.groups["everybody"] == {socket.reply_channel}
    assert socket.says("hi") == [{"text": "hi"}]
    assert socket.says(octets=b"hi") == [{"bytes": b"hi"}]
    assert socket.leaves() == []
    assert layer.groups["everybody"] == set()


def test_rooms(layer: MemoryLayer) -> None:
    """JSON both ways, to one and to all."""
    ada, bob = talk(layer, Room, name="ada"), talk(layer, Room, name="bob")
    ada.connects()
    bob.connects()

    ada.says_json("hello")
    bob.says_json("bye")

    assert ada.hears_json() == [{"said": "bye", "at": "/lobby/"}]
    assert bob.hears_json() == []


def test_the_last_word(layer: MemoryLayer) -> None:
    """A close with a code goes with it."""
    assert talk(layer, Room).says_json("bye")[-1] == {"text": json.dumps("bye"), "close": 4001}


@pytest.mark.parametrize(
    ("outcome", "answer", "members"),
    [
        (AcceptConnection(), {"accept": True}, 1),
        (DenyConnection(), {"close": True}, 0),
        (RuntimeError("broken"), {"close": 1011, "status": 500}, 0),
    ],
)
def test_what_connect_may_raise(layer: MemoryLayer, outcome: Exception, answer: Any, members: int) -> None:
    """Only a socket that is let in joins the groups."""

    class Raising(AsyncWebsocketConsumer):
        groups = ["members"]

        async def connect(self, message: Message, **kwargs: Any) -> None:
            raise outcome

    assert talk(layer, Raising).connects() == [answer]
    assert len(layer.groups["members"]) == members


@pytest.mark.parametrize(
    ("refuse", "answer"),
    [
        (lambda consumer: consumer.close(4003), {"close": 4003}),
        (lambda consumer: consumer.reply_channel.asend({"close": True}), {"close": True}),
        (lambda consumer: consumer.reply_channel.asend({"accept": False}), {"accept": False}),
    ],
)
def test_who_is_refused_joins_no_group(layer: MemoryLayer, refuse: Any, answer: Any) -> None:
    """Closing while connecting refuses."""

    class Private(AsyncWebsocketConsumer):
        groups = ["members"]

        async def connect(self, message: Message, **kwargs: Any) -> None:
            await refuse(self)

    assert talk(layer, Private).connects() == [answer]
    assert layer.groups["members"] == set()


@pytest.mark.parametrize(("frame", "code"), [({"text": "{oops"}, 1007), ({"octets": b"{}"}, 1003)])
def test_clients_that_do_not_speak_json(layer: MemoryLayer, frame: Any, code: int) -> None:
    """They are closed with a code that says why."""
    assert talk(layer, Room).says(**frame) == [{"close": code}]


def test_a_method_that_fails(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the class, and the client is closed with 1011."""

    class Broken(AsyncWebsocketConsumer):
        async def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
            raise RuntimeError("broken")

    assert talk(layer, Broken).says("hi") == [{"close": 1011, "status": 500}]
    assert "Broken failed on a message on websocket.receive" in caplog.text


@pytest.mark.usefixtures("database")
def test_sessions_of_coroutines(layer: MemoryLayer) -> None:
    """The session is there in a coroutine, and is saved when it has ended."""

    class Remembering(AsyncWebsocketConsumer):
        channel_session = True

        async def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
            said = await self.message.channel_session.aget("said", [])
            await self.message.channel_session.aset("said", [*said, text])
            await self.send(text=", ".join([*said, str(text)]))

    socket = talk(layer, Remembering)
    socket.connects()

    assert socket.says("one") == [{"text": "one"}]
    assert socket.says("two") == [{"text": "one, two"}]
