"""The chat of the 2016 talk, as its listeners wrote it down: sessions, groups, the ORM, two browsers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from support.chat_models import ChatMessage
from support.memory_layer import MemoryLayer
from support.worker_run import worker_for
from zmqlayer.worker import Group, Message, include, route
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.sessions import channel_session
from zmqlayer.worker.worker import Worker


@channel_session
def chat_connect(message: Message, room: str) -> None:
    """Open the socket and join the room."""
    assert message.reply_channel is not None
    message.reply_channel.send({"accept": True})
    message.channel_session["room"] = room
    message.channel_session["name"] = message["query_string"].decode()
    Group(f"chat-{room}").add(message.reply_channel)


@channel_session
def chat_receive(message: Message) -> None:
    """Save what was said, and tell the room."""
    room, name = message.channel_session["room"], message.channel_session["name"]
    ChatMessage.objects.create(room=room, name=name, text=message["text"])
    Group(f"chat-{room}").send({"text": f"{name}: {message['text']}"})


def chat_disconnect(message: Message) -> None:
    """Leave. The session goes by itself."""
    assert message.reply_channel is not None
    Group("chat-lobby").discard(message.reply_channel)


chat_routes = [
    route("websocket.connect", chat_connect, path=r"^/(?P<room>\w+)/$"),
    route("websocket.receive", chat_receive),
    route("websocket.disconnect", chat_disconnect),
]
routes = [include(chat_routes, path=r"^/chat")]


@pytest.fixture
def table(database: None) -> Iterator[None]:
    """The table of the chat's messages."""
    with connection.schema_editor() as editor:
        editor.create_model(ChatMessage)
    yield
    with connection.schema_editor() as editor:
        editor.delete_model(ChatMessage)


@pytest.fixture
def worker(layer: MemoryLayer, table: None) -> Iterator[Worker]:
    """A worker that runs the chat on the default layer."""
    channel_layers.put("default", layer)
    yield worker_for(layer, routes)
    channel_layers.close()


class Browser:
    """One socket, as its interface server speaks for it."""

    def __init__(self, layer: MemoryLayer, worker: Worker, name: str) -> None:
        self.layer = layer
        self.worker = worker
        self.reply = layer.reply_channel(name)
        self.tell("connect", query_string=name.encode())

    def tell(self, event: str, **content: Any) -> None:
        """Send one event of the socket."""
        self.worker.consume(f"websocket.{event}", {"reply_channel": self.reply, "path": "/chat/lobby/", **content})

    def hears(self) -> list[str]:
        """Return the texts that arrived."""
        return [message["text"] for message in self.layer.sent(self.reply) if "text" in message]


def test_two_browsers_chat(layer: MemoryLayer, worker: Worker) -> None:
    """What one says all hear in order, and it is saved; who left hears nothing, and nothing of them is left."""
    ada, bob = Browser(layer, worker, "ada"), Browser(layer, worker, "bob")

    ada.tell("receive", text="hello")
    bob.tell("receive", text="hi")
    bob.tell("disconnect", code=1000)
    ada.tell("receive", text="gone?")

    assert ada.hears() == ["ada: hello", "bob: hi", "ada: gone?"]
    assert bob.hears() == ["ada: hello", "bob: hi"]
    assert list(ChatMessage.objects.values_list("name", "text")) == [
        ("ada", "hello"),
        ("bob", "hi"),
        ("ada", "gone?"),
    ]


def test_sockets_are_accepted(layer: MemoryLayer, worker: Worker) -> None:
    """The first answer opens the socket."""
    ada = Browser(layer, worker, "ada")

    assert layer.sent(ada.reply) == [{"accept": True}]
