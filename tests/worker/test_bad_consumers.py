"""Consumers that do what no consumer should: the log names them, the client hears of it, the worker goes on."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.dispatch import Signal

from zmqlayer import SyncChannelLayer
from zmqlayer.worker import Channel, Group, Message, route
from zmqlayer.worker.layers import WorkerLayer
from zmqlayer.worker.loop import ConsumerLoop
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.routing import Router
from zmqlayer.worker.signals import consumer_finished, consumer_started
from zmqlayer.worker.threads import WorkerGroup
from zmqlayer.worker.worker import Worker

Content = dict[str, Any]
Consumer = Callable[[Message], Any]

CONNECT = "websocket.connect"
FAILED = {"close": 1011, "status": 500}
SOON_S = 10.0
LARGE = 2_000_000


def reply(message: Message, content: Any, **options: Any) -> None:
    """Send to the client."""
    assert message.reply_channel is not None
    message.reply_channel.send(content, **options)


def on(message: Message, name: str) -> Channel:
    """Return a channel of the node under test."""
    return Channel(name, channel_layer=message.channel_layer)


# What goes wrong, as a plain function; each is tried as a coroutine function too.


def sends_text(message: Message) -> None:
    """Send what is no dict."""
    reply(message, "hello")


def sends_an_object(message: Message) -> None:
    """Send a dict with something in it that cannot be carried."""
    reply(message, {"text": object()})


def sends_a_lock(message: Message) -> None:
    """Send something that cannot even be copied."""
    reply(message, {"text": threading.Lock()})


def sends_itself(message: Message) -> None:
    """Send a dict that never ends."""
    endless: Content = {}
    endless["text"] = endless
    reply(message, endless)


def sends_a_number_as_key(message: Message) -> None:
    """Send a dict whose keys are no text."""
    reply(message, {1: "one"})


def sends_too_much(message: Message) -> None:
    """Send more than a message may have."""
    reply(message, {"text": "x" * LARGE})


def sends_too_much_at_once(message: Message) -> None:
    """Send more than a message may have, without waiting for its end."""
    reply(message, {"text": "x" * LARGE}, immediately=True)


def sends_too_often(message: Message) -> None:
    """Send more messages than can be held."""
    for _ in range(10_001):
        on(message, "elsewhere").send({})


def invents_a_channel(message: Message) -> None:
    """Name a channel as none can be named."""
    on(message, "no channel!").send({})


def invents_a_group(message: Message) -> None:
    """Name a group as none can be named."""
    Group("no group!", channel_layer=message.channel_layer).send({})


def insists_on_a_full_channel(message: Message) -> None:
    """Send more than a channel takes, and let nothing wait."""
    for _ in range(5):
        on(message, "full").send({}, immediately=True)


def raises(message: Message) -> None:
    """Raise."""
    raise RuntimeError("broken")


def raises_what_cannot_be_shown(message: Message) -> None:
    """Raise something that raises when the log shows it."""

    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    raise Unspeakable


def recurses(message: Message) -> None:
    """Go on until the stack ends."""
    recurses(message)


def exits(message: Message) -> None:
    """Raise what ends a thread in silence."""
    raise SystemExit(1)


def cancels(message: Message) -> None:
    """Raise what ends a task in silence."""
    raise asyncio.CancelledError


def takes_its_message_apart(message: Message) -> None:
    """Leave nothing of the message, and fail."""
    message.content.clear()
    raise RuntimeError("broken")


def returns_an_answer(message: Message) -> Any:
    """Return what it should send."""
    return {"accept": True}


TOLD: list[tuple[Consumer, str]] = [
    (sends_text, "a dict is needed, not str"),
    (sends_an_object, "in message['text'] is a object"),
    (sends_a_lock, "cannot pickle"),
    (sends_itself, "is nested deeper than 64"),
    (sends_a_number_as_key, "keys must be str"),
    (sends_too_much, "2,000,021 bytes as msgpack and max_message_size is 1,048,576"),
    (sends_too_much_at_once, "MessageTooLarge"),
    (sends_too_often, "OutboxFull: consumer tests.worker.test_bad_consumers.sends_too_often has sent 10,000 messages"),
    (invents_a_channel, "InvalidName: 'no channel!'"),
    (invents_a_group, "InvalidName: 'no group!'"),
    (insists_on_a_full_channel, "ChannelFull: channel 'full' is full"),
    (raises, "RuntimeError: broken"),
    (raises_what_cannot_be_shown, "Unspeakable"),
    (recurses, "RecursionError"),
    (exits, "SystemExit"),
    (cancels, "CancelledError"),
    (takes_its_message_apart, "RuntimeError: broken"),
    (returns_an_answer, "returned an object of type dict, which nobody reads"),
]


def as_coroutine(consumer: Consumer) -> Consumer:
    """Return the same as a coroutine function."""

    @functools.wraps(consumer)
    async def coroutine(message: Message) -> Any:
        await asyncio.sleep(0)
        return consumer(message)

    return coroutine


class Site:
    """
    A node that sends to itself, worker threads on it, and what an interface server would do.

    Attributes:
        is_stuck: Whether it may be that a consumer does not end.
    """

    is_stuck = False

    def __init__(self, consumer: Consumer, n_threads: int = 1) -> None:
        self.layer = SyncChannelLayer(discovery="off", capacity=4)
        abandon = threading.Event()
        bad = [route(CONNECT, consumer, path="^/bad"), route("http.request", consumer)]
        router = Router([*bad, route(CONNECT, self.accept, path="^/good")])
        needed: WorkerLayer = self.layer
        # Held messages wait a moment for room, and not seconds as they do in a real worker.
        patience = Patience(time.monotonic, abandon.wait, flush_s=0.1)
        loop = ConsumerLoop(time.monotonic)
        worker = Worker(needed, router, [CONNECT, "http.request"], patience, loop=loop)
        self.group = WorkerGroup(worker, n_threads, abandon, time.monotonic)
        self.group.start()

    @staticmethod
    def accept(message: Message) -> None:
        """Do what a consumer should."""
        reply(message, {"accept": True})

    def connect(self, path: str) -> str:
        """Open a WebSocket; return its reply channel."""
        channel = self.layer.new_channel("websocket.send!")
        self.layer.send(CONNECT, {"reply_channel": channel, "path": path, "headers": [], "order": 0})
        return channel

    def hear(self, channel: str) -> Content | None:
        """Return what the client's server hears next."""
        return self.layer.receive([channel], block=True)[1]

    def is_well(self) -> bool:
        """Whether the next socket is let in."""
        return self.hear(self.connect("/good/")) == {"accept": True, "consumed": 0}

    @functools.cached_property
    def has_ended(self) -> bool:
        """Whether all consumers have ended, after everything was told to."""
        return self.group.stop()


@pytest.fixture
def start() -> Iterator[Callable[..., Site]]:
    """Start a site whose sockets at ``/bad`` go to the given consumer, and all others to a good one."""
    sites: list[Site] = []

    def start_site(consumer: Consumer, n_threads: int = 1) -> Site:
        sites.append(Site(consumer, n_threads))
        return sites[-1]

    yield start_site
    for site in sites:
        assert site.has_ended or site.is_stuck
        site.layer.close()


@pytest.mark.parametrize("kind", ["function", "coroutine"])
@pytest.mark.parametrize(("consumer", "words"), TOLD, ids=lambda each: getattr(each, "__name__", "log"))
def test_a_bad_consumer(
    start: Callable[..., Site], consumer: Consumer, words: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its client is refused with 500, the log has its name and its fault, and the only thread takes the next one."""
    site = start(as_coroutine(consumer) if kind == "coroutine" else consumer)

    heard = site.hear(site.connect("/bad/"))

    assert heard == {**FAILED, "consumed": 0}
    assert site.is_well()
    assert words in caplog.text
    assert consumer.__name__ in "".join(record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_a_bad_consumer_of_requests(start: Callable[..., Site], kind: str) -> None:
    """Its client is answered with 500."""
    site = start(as_coroutine(raises) if kind == "coroutine" else raises)
    channel = site.layer.new_channel("http.response!")

    site.layer.send("http.request", {"reply_channel": channel, "method": "GET", "path": "/", "headers": []})

    heard = site.hear(channel)
    assert heard is not None
    assert (heard["status"], heard["more_content"]) == (500, False)
    assert site.is_well()


def test_a_consumer_that_interrupts(start: Callable[..., Site], caplog: pytest.LogCaptureFixture) -> None:
    """KeyboardInterrupt is a failure like any other: a signal only ever interrupts the main thread."""

    def interrupts(message: Message) -> None:
        raise KeyboardInterrupt

    site = start(interrupts)

    heard = site.hear(site.connect("/bad/"))

    assert heard == {**FAILED, "consumed": 0}
    assert site.is_well()
    assert "interrupts" in caplog.text


def test_a_full_channel(start: Callable[..., Site], caplog: pytest.LogCaptureFixture) -> None:
    """What finds no room within its time is dropped with a warning; the client has its answer all the same."""

    def sends_much(message: Message) -> None:
        for _ in range(5):
            on(message, "full").send({})
        reply(message, {"accept": True})

    site = start(sends_much)

    heard = site.hear(site.connect("/bad/"))

    assert heard == {"accept": True, "consumed": 0}
    assert "sends_much: channel 'full' is full: 4 messages from this process are unread" in caplog.text


def test_a_channel_that_nobody_reads(start: Callable[..., Site], caplog: pytest.LogCaptureFixture) -> None:
    """A name that nobody knows yet is no error: the message waits for its reader."""

    def sends_early(message: Message) -> None:
        on(message, "nobody.reads.this").send({"text": "hello"})
        reply(message, {"accept": True})

    site = start(sends_early)

    heard = site.hear(site.connect("/bad/"))

    assert heard == {"accept": True, "consumed": 0}
    assert site.hear("nobody.reads.this") == {"text": "hello"}
    assert not caplog.records


@pytest.mark.parametrize("signal", [consumer_started, consumer_finished], ids=["started", "finished"])
@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_a_receiver_that_raises(
    start: Callable[..., Site], signal: Signal, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault in somebody's receiver of a signal is logged, and no fault of the consumer."""

    def broken(**kwargs: Any) -> None:
        raise RuntimeError("broken receiver")

    site = start(as_coroutine(Site.accept) if kind == "coroutine" else Site.accept)
    signal.connect(broken)
    try:
        heard = site.hear(site.connect("/bad/"))
        assert heard == {"accept": True, "consumed": 0}
        assert site.is_well()
    finally:
        signal.disconnect(broken)
    assert "broken receiver" in caplog.text


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_a_consumer_that_blocks(start: Callable[..., Site], kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """It has its thread, or the event loop, for itself; others go on, and a stop does not wait for it for ever."""
    entered, left = threading.Event(), threading.Event()

    def blocks(message: Message) -> None:
        entered.set()
        left.wait(SOON_S)

    site = start(as_coroutine(blocks) if kind == "coroutine" else blocks, n_threads=2)
    site.connect("/bad/")
    assert entered.wait(SOON_S)

    are_well = [site.is_well() for _ in range(5)]
    site.is_stuck = not site.has_ended

    left.set()
    assert are_well == [True] * 5
    assert site.is_stuck


@pytest.mark.parametrize(
    ("values", "words"),
    [({"path": "/nowhere/"}, "no route wants a message"), ({"reply_channel": "no channel!"}, "could not be consumed")],
)
def test_a_message_that_no_consumer_gets(
    start: Callable[..., Site], values: Content, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A message that cannot be given to anybody is dropped, with a word in the log."""
    site = start(raises)
    message = {"reply_channel": site.layer.new_channel("websocket.send!"), "path": "/bad/", "order": 0}

    site.layer.send(CONNECT, {**message, **values})

    assert site.is_well()
    assert words in caplog.text
