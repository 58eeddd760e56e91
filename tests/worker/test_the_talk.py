"""
What the talk of 2016 showed, as tests to read: consumers, groups, routing, work in the background, signals.

Views on channels are in ``test_handler.py``, the session of a connection in ``test_sessions.py``.
"""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.dispatch import Signal

from support import talk_site
from support.memory_layer import MemoryLayer
from support.worker_run import worker_for
from zmqlayer.worker import Channel, Group, Message, include, route
from zmqlayer.worker.exceptions import ConsumeLater
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.signals import consumer_finished, consumer_started, worker_ready
from zmqlayer.worker.worker import Worker


@pytest.fixture
def layer() -> Iterator[MemoryLayer]:
    """The default layer: ``Channel("name")`` and ``Group("name")`` use it."""
    layer = MemoryLayer()
    channel_layers.put("default", layer)
    yield layer
    channel_layers.close()


@pytest.fixture
def worker(layer: MemoryLayer) -> Worker:
    """A worker with the routing of the site."""
    return worker_for(layer, talk_site.routing)


class Visitor:
    """A WebSocket, as a server speaks for it."""

    def __init__(self, worker: Worker, layer: MemoryLayer, name: str, path: str) -> None:
        self.worker = worker
        self.layer = layer
        self.reply_channel = layer.reply_channel(name)
        self.path = path
        self.happens("websocket.connect")

    def happens(self, channel: str, **content: Any) -> None:
        """Give the worker a message of this socket."""
        self.worker.consume(channel, {"reply_channel": self.reply_channel, "path": self.path, **content})

    def hears(self) -> list[str]:
        """Return the texts that reached it."""
        return [content["text"] for content in self.layer.sent(self.reply_channel) if "text" in content]


@pytest.mark.usefixtures("database")
def test_chat_receive(worker: Worker, layer: MemoryLayer) -> None:
    """A consumer gets a message, finds in the session which room its socket is in, and sends to the room's group."""
    ada = Visitor(worker, layer, "ada", "/chat/lobby/")
    bob = Visitor(worker, layer, "bob", "/chat/lobby/")
    eve = Visitor(worker, layer, "eve", "/chat/attic/")

    ada.happens("websocket.receive", text="hello")

    assert (ada.hears(), bob.hears(), eve.hears()) == (["hello"], ["hello"], [])
    bob.happens("websocket.disconnect", code=1000)
    ada.happens("websocket.receive", text="still there?")
    assert (ada.hears(), bob.hears()) == (["still there?"], [])


@pytest.mark.usefixtures("database")
def test_routing_with_includes(worker: Worker, layer: MemoryLayer) -> None:
    """Each app has a routing of its own; the site includes them under prefixes, which the apps never see."""
    Visitor(worker, layer, "ada", "/chat/lobby/")
    Visitor(worker, layer, "bob", "/blog/articles/under-the-hood/live/")

    assert set(layer.groups) == {"chat-lobby", "article-under-the-hood"}


def test_the_consumer_sees_the_whole_path(layer: MemoryLayer) -> None:
    """What a prefix matched is hidden from the routes inside, not from the consumer; its groups are arguments too."""
    called: list[tuple[str, dict[str, Any]]] = []

    def consumer(message: Message, **kwargs: Any) -> None:
        called.append((message["path"], kwargs))

    inner = [route("websocket.connect", consumer, path=r"^/(?P<slug>\w+)/$")]
    worker = worker_for(layer, [include(inner, path=r"^/(?P<language>[a-z]{2})/blog")])

    Visitor(worker, layer, "ada", "/de/blog/hello/")

    assert called == [("/de/blog/hello/", {"language": "de", "slug": "hello"})]


def test_the_first_route_wins(layer: MemoryLayer) -> None:
    """Filters look at any key of a message; the first route whose filters all match gets it."""
    called: list[str] = []
    worker = worker_for(
        layer,
        [
            route("websocket.receive", lambda message: called.append("help"), text=r"^/help$", path=r"^/chat/"),
            route("websocket.receive", lambda message: called.append("command"), text=r"^/"),
            route("websocket.receive", lambda message: called.append("text")),
        ],
    )

    for text in ("hello", "/help", "/quit"):
        worker.consume("websocket.receive", {"path": "/chat/", "text": text})

    assert called == ["text", "help", "command"]


def test_work_in_the_background(worker: Worker, layer: MemoryLayer) -> None:
    """A channel is a queue: one consumer puts tasks in, any worker that reads it does them, each once."""
    talk_site.seen.clear()
    worker.consume("picture.upload", {"picture": 7})
    tasks = layer.sent("thumbnail.make")

    for task in tasks:
        worker.consume("thumbnail.make", task)

    assert talk_site.seen == [{"picture": 7, "size": 64}, {"picture": 7, "size": 256}]


def test_work_for_later(worker: Worker, layer: MemoryLayer) -> None:
    """What is sent to ``asgi.delay`` is kept by ``manage.py rundelay`` until it is due."""
    worker.consume("picture.upload", {"picture": 7})

    assert layer.sent("asgi.delay") == [{"channel": "picture.tidy", "delay": 60_000, "content": {"picture": 7}}]


def test_sending_from_anywhere(layer: MemoryLayer) -> None:
    """A view, a model's ``save`` or a script sends as a consumer does; with no consumer around it goes out at once."""
    Group("article-under-the-hood").add(layer.reply_channel("bob"))

    Group("article-under-the-hood").send({"text": "a new paragraph"})
    Channel("thumbnail.make").send({"picture": 1})

    assert layer.sent(layer.reply_channel("bob")) == [{"text": "a new paragraph"}]
    assert layer.waiting("thumbnail.make") == 1


def test_a_consumer_that_cannot_yet(layer: MemoryLayer) -> None:
    """``ConsumeLater`` puts the message back, for when what it needs has come."""
    ready: list[bool] = []

    def consumer(message: Message) -> None:
        if not ready:
            raise ConsumeLater

    worker = worker_for(layer, [route("report.make", consumer)])
    worker.consume("report.make", {"year": 2016})
    (again,) = layer.sent("report.make")
    ready.append(True)
    worker.consume("report.make", again)

    assert again["year"] == 2016
    assert layer.waiting("report.make") == 0


class Listener:
    """Writes down which signals came; and a receiver that fails."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.connected: list[tuple[Signal, Any]] = []

    def listen(self, sender: Signal, name: str) -> None:
        """Connect to a signal."""

        def hear(**kwargs: Any) -> None:
            message = kwargs.get("message")
            self.heard.append(f"{name} {message.channel}" if message is not None else name)

        def fail(**kwargs: Any) -> None:
            raise RuntimeError("a receiver is broken")

        for receiver in (hear, fail):
            sender.connect(receiver, weak=False)
            self.connected.append((sender, receiver))

    def disconnect(self) -> None:
        """Put everything back."""
        for sender, receiver in self.connected:
            sender.disconnect(receiver)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Somebody who listens to signals for one test."""
    listener = Listener()
    yield listener
    listener.disconnect()


def test_lifecycle_signals(layer: MemoryLayer, listener: Listener) -> None:
    """A consumer has a beginning and an end that anybody may hear of, even if it fails, and whoever fails to listen."""
    listener.listen(consumer_started, "started")
    listener.listen(consumer_finished, "finished")

    async def later(message: Message) -> None:
        listener.heard.append("coroutine")

    def fail(message: Message) -> None:
        listener.heard.append("consumer")
        raise RuntimeError("a consumer is broken")

    worker = worker_for(layer, [route("now", fail), route("later", later)])
    worker.consume("now", {})
    worker.consume("later", {})

    assert listener.heard == [
        "started now", "consumer", "finished now",
        "started later", "coroutine", "finished later",
    ]  # fmt: skip


def test_a_worker_says_that_it_is_ready(settings: Any) -> None:
    """``worker_ready`` comes once, when a process has begun to read."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "support.memory_layer.MemoryBackend"}}
    heard: list[str] = []

    def stop(worker: Worker, **kwargs: Any) -> None:
        heard.append(", ".join(sorted(worker.channels)))
        signal.raise_signal(signal.SIGTERM)

    worker_ready.connect(stop)
    try:
        call_command("runworker", "--only-channels", "websocket.*", stdout=io.StringIO())
    finally:
        worker_ready.disconnect(stop)

    assert heard == ["websocket.connect, websocket.disconnect, websocket.receive"]
