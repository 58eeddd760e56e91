"""A worker is as large after thousands of sessions and requests as after a few."""

from __future__ import annotations

import contextvars
import gc
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.cache import caches

import zmqlayer.worker
from support.memory_layer import MemoryLayer
from support.worker_run import http_message, worker_for
from zmqlayer.worker import Group, Message, channel_session, route, route_class
from zmqlayer.worker.generic.websockets import WebsocketConsumer
from zmqlayer.worker.worker import Worker

OURS_ALONE: Final = [tracemalloc.Filter(True, str(Path(zmqlayer.worker.__file__).parent / "*"))]
FEW: Final = 100
MANY: Final = 2_000
MANY_LOOPS: Final = 400
"""Each coroutine has an event loop of its own here, which takes its time."""
MOST_BYTES: Final = 4_000
SESSIONS: Final = "django.contrib.sessions.backends.cache"


@channel_session
def connect(message: Message) -> None:
    """Let a socket in."""
    assert message.reply_channel is not None
    message.channel_session["heard"] = 0
    Group("all", channel_layer=message.channel_layer).add(message.reply_channel)
    message.reply_channel.send({"accept": True})


@channel_session
def receive(message: Message) -> None:
    """Count, and say the number."""
    assert message.reply_channel is not None
    message.channel_session["heard"] += 1
    message.reply_channel.send({"text": str(message.channel_session["heard"])})


@channel_session
def disconnect(message: Message) -> None:
    """Let a socket go."""
    assert message.reply_channel is not None
    Group("all", channel_layer=message.channel_layer).discard(message.reply_channel)


@channel_session
async def connect_later(message: Message) -> None:
    """Let a socket in."""
    assert message.reply_channel is not None
    await message.channel_session.aset("heard", 0)
    await Group("all", channel_layer=message.channel_layer).aadd(message.reply_channel)
    await message.reply_channel.asend({"accept": True})


@channel_session
async def receive_later(message: Message) -> None:
    """Count, and say the number."""
    assert message.reply_channel is not None
    heard = await message.channel_session.aget("heard") + 1
    await message.channel_session.aset("heard", heard)
    await message.reply_channel.asend({"text": str(heard)})


@channel_session
async def disconnect_later(message: Message) -> None:
    """Let a socket go."""
    assert message.reply_channel is not None
    await Group("all", channel_layer=message.channel_layer).adiscard(message.reply_channel)


class Counting(WebsocketConsumer):
    """The same as a class."""

    channel_session = True
    groups = ("all",)

    def connect(self, message: Message, **kwargs: Any) -> None:
        """Let a socket in."""
        message.channel_session["heard"] = 0
        super().connect(message, **kwargs)

    def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
        """Count, and say the number."""
        self.message.channel_session["heard"] += 1
        self.send(text=str(self.message.channel_session["heard"]))


FUNCTIONS: Final = [
    route("websocket.connect", connect),
    route("websocket.receive", receive),
    route("websocket.disconnect", disconnect),
]
CLASSES: Final = [route_class(Counting)]
COROUTINES: Final = [
    route("websocket.connect", connect_later),
    route("websocket.receive", receive_later),
    route("websocket.disconnect", disconnect_later),
]


def hold_session(worker: Worker, layer: MemoryLayer, number: int) -> None:
    """Connect, say something, hear the answer, and leave."""
    reply = layer.reply_channel(f"socket{number}")
    message: dict[str, Any] = {"reply_channel": reply, "path": "/", "headers": []}
    for order, channel in enumerate(("connect", "receive", "disconnect")):
        consume(worker, f"websocket.{channel}", {**message, "order": order, "text": "hello"})
    heard = layer.queues.pop(reply)
    assert [part.get("text") for part in heard] == [None, "1"]


def ask(worker: Worker, layer: MemoryLayer, path: str) -> None:
    """Send a request and take the answer; a coroutine that was slow may have invited before."""
    consume(worker, "http.request", http_message(layer, path))
    parts = layer.queues.pop(layer.reply_channel())
    assert [part["status"] for part in parts if "status" in part] == [200]


def consume(worker: Worker, channel: str, content: dict[str, Any]) -> None:
    """Give a message to the worker as its thread does."""
    contextvars.copy_context().run(worker.consume, channel, content)


def ours() -> Counter[str]:
    """Count what is alive of our own classes."""
    gc.collect()
    names = (f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
    return Counter(name for name in names if name.startswith("zmqlayer."))


def growth(run: Callable[[int], None], many: int) -> tuple[Counter[str], int]:
    """Return what is alive after many runs that was not after a few: our objects, and bytes that our code asked for."""
    for number in range(FEW):
        run(number)
    tracemalloc.start()
    try:
        before, bytes_before = ours(), allocated()
        for number in range(many):
            run(number)
        return ours() - before, allocated() - bytes_before
    finally:
        tracemalloc.stop()


def allocated() -> int:
    """Return how many bytes are held that our own lines asked for."""
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(OURS_ALONE).traces)


@pytest.fixture
def site(layer: MemoryLayer, settings: Any) -> Iterator[Callable[[list[Any]], Worker]]:
    """Make a worker; sessions are in the memory of this process, where they can be counted."""
    settings.CHANNEL_SESSION_ENGINE = SESSIONS
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "growth"}}
    yield lambda routes: worker_for(layer, routes)
    assert not vars(caches["default"])["_cache"]


@pytest.mark.parametrize(
    ("routes", "many"),
    [(FUNCTIONS, MANY), (CLASSES, MANY), (COROUTINES, MANY_LOOPS)],
    ids=["functions", "classes", "coroutines"],
)
def test_sessions_leave_nothing(
    site: Callable[[list[Any]], Worker], layer: MemoryLayer, routes: list[Any], many: int
) -> None:
    """Connect, one message, disconnect: no object stays, no row, no member."""
    worker = site(routes)

    objects, size = growth(lambda number: hold_session(worker, layer, number), many)

    assert not objects
    assert size < MOST_BYTES
    assert not layer.groups["all"]


@pytest.mark.parametrize(("path", "many"), [("/hello/", MANY), ("/async/", MANY_LOOPS)])
def test_requests_leave_nothing(layer: MemoryLayer, path: str, many: int) -> None:
    """A view and its answer: no object stays."""
    worker = worker_for(layer, [])

    objects, size = growth(lambda number: ask(worker, layer, path), many)

    assert not objects
    assert size < MOST_BYTES
