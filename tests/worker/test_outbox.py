"""Held messages: order, copies, full channels, and errors."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.worker_run import Waiting, worker_for
from zmqlayer.exceptions import ChannelFull, MessageTooLarge
from zmqlayer.worker import Message, route
from zmqlayer.worker.channel import Channel
from zmqlayer.worker.exceptions import OutboxFull
from zmqlayer.worker.loop import ConsumerLoop
from zmqlayer.worker.outbox import HELD_LIMIT, Outbox, current_outbox

WITHIN_S = 5.0


@pytest.fixture
def loop() -> Iterator[ConsumerLoop]:
    """The loop of a worker's coroutines."""
    loop = ConsumerLoop(time.monotonic)
    yield loop
    loop.stop(0)


class Refusing(Channel):
    """A channel whose messages are all too large."""

    def deliver(self, content: dict[str, Any]) -> None:
        """Refuse."""
        raise MessageTooLarge(self.name, 2_000_000, 1_048_576)


def test_order_is_kept(layer: MemoryLayer) -> None:
    """Messages leave in the order in which they were sent."""
    outbox = Outbox(Waiting().patience(), "test")
    for number in range(5):
        outbox.hold(Channel("a", channel_layer=layer), {"n": number})

    outbox.flush()

    assert [message["n"] for message in layer.sent("a")] == [0, 1, 2, 3, 4]


def test_what_was_sent_is_what_arrives(layer: MemoryLayer) -> None:
    """Changing a dict after it was sent changes nothing."""
    outbox = Outbox(Waiting().patience(), "test")
    content: dict[str, Any] = {"items": [1]}
    outbox.hold(Channel("a", channel_layer=layer), content)

    content["items"].append(2)
    outbox.flush()

    assert layer.sent("a") == [{"items": [1]}]


@pytest.mark.parametrize(
    ("content", "is_shut"),
    [({"close": True}, True), ({"close": 4003}, True), ({"accept": False}, True), ({"text": "a", "close": True}, True),
     ({"accept": True}, False), ({"text": "a", "close": False}, False), ({"close": None}, False)],
)  # fmt: skip
def test_words_that_shut_a_websocket(layer: MemoryLayer, content: dict[str, Any], is_shut: bool) -> None:
    """They are remembered by channel, whatever is said after them."""
    outbox = Outbox(Waiting().patience(), "test")

    outbox.hold(Channel("a", channel_layer=layer), content)
    outbox.hold(Channel("a", channel_layer=layer), {"text": "more"})

    assert outbox.has_shut("a") is is_shut
    assert not outbox.has_shut("b")


@pytest.mark.parametrize(
    ("contents", "has_refused"),
    [([{"close": True}], True), ([{"accept": False}], True), ([{"accept": False, "text": "a"}, {"accept": True}], True),
     ([{"accept": True}, {"close": True}], False), ([{"accept": True, "close": 4003}], False),
     ([{"text": "a", "close": True}], False), ([{"bytes": b"a"}, {"close": True}], False),
     ([{"accept": True}], False), ([{"text": "", "close": True}], True)],
)  # fmt: skip
def test_words_that_refuse_a_websocket(layer: MemoryLayer, contents: list[dict[str, Any]], has_refused: bool) -> None:
    """The first word counts: what opens it, and closes it then, is no refusal."""
    outbox = Outbox(Waiting().patience(), "test")

    for content in contents:
        outbox.hold(Channel("a", channel_layer=layer), content)

    assert outbox.has_refused("a") is has_refused
    assert not outbox.has_refused("b")


def test_a_flush_is_done_once(layer: MemoryLayer) -> None:
    """What went out is forgotten."""
    outbox = Outbox(Waiting().patience(), "test")
    outbox.hold(Channel("a", channel_layer=layer), {})

    outbox.flush()
    outbox.flush()

    assert layer.waiting("a") == 1


def test_discarded_messages_never_leave(layer: MemoryLayer) -> None:
    """A consumer that runs again sends again."""
    outbox = Outbox(Waiting().patience(), "test")
    outbox.hold(Channel("a", channel_layer=layer), {})

    outbox.discard()
    outbox.flush()

    assert layer.waiting("a") == 0


def test_a_full_channel_is_tried_again() -> None:
    """When somebody reads meanwhile, the message gets through."""
    layer = MemoryLayer(capacity=1)
    waiting = Waiting(meanwhile=lambda: layer.sent("a"))
    outbox = Outbox(waiting.patience(), "test")
    outbox.hold(Channel("a", channel_layer=layer), {"n": 1})
    outbox.hold(Channel("a", channel_layer=layer), {"n": 2})

    outbox.flush()

    assert layer.sent("a") == [{"n": 2}]
    assert len(waiting.waits) == 1


def test_full_channels_cost_at_most_two_seconds_in_all(caplog: pytest.LogCaptureFixture) -> None:
    """Ten messages nobody reads wait no longer than one; each is dropped with a warning."""
    layer = MemoryLayer(capacity=0)
    waiting = Waiting()
    outbox = Outbox(waiting.patience(), "chat.receive")
    for _ in range(10):
        outbox.hold(Channel("a", channel_layer=layer), {})

    outbox.flush()

    assert waiting.now == pytest.approx(2.0)
    assert len(caplog.records) == 10
    assert "dropped a message of consumer chat.receive: channel 'a' is full" in caplog.text


def test_one_bad_message_does_not_hold_up_the_rest(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """What the layer refuses is logged with the consumer's name, and the next one goes out."""
    outbox = Outbox(Waiting().patience(), "chat.receive")
    outbox.hold(Refusing("a", channel_layer=layer), {})
    outbox.hold(Channel("b", channel_layer=layer), {})

    outbox.flush()

    assert layer.waiting("b") == 1
    assert "consumer chat.receive sent to 'a' what cannot be sent" in caplog.text
    assert (outbox.was_refused("a"), outbox.was_refused("b")) == (True, False)


def test_an_outbox_is_bounded(layer: MemoryLayer) -> None:
    """A consumer that sends in an endless loop gets an error, not all of the memory."""
    outbox = Outbox(Waiting().patience(), "test")
    for _ in range(HELD_LIMIT):
        outbox.hold(Channel("a", channel_layer=layer), {})

    with pytest.raises(OutboxFull) as refused:
        outbox.hold(Channel("a", channel_layer=layer), {})

    assert isinstance(refused.value, ChannelFull)
    assert str(refused.value) == (
        "consumer test has sent 10,000 messages that wait for its end, the most of one run: the one to 'a' was "
        "not sent; send with immediately=True, or from several consumers"
    )
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


def test_an_outbox_belongs_to_its_context(layer: MemoryLayer) -> None:
    """It is there inside, gone outside, and other threads never see it."""
    outbox = Outbox(Waiting().patience(), "test")
    elsewhere: list[Outbox | None] = []

    with outbox:
        inside = current_outbox()
        thread = threading.Thread(target=lambda: elsewhere.append(current_outbox()))
        thread.start()
        thread.join()

    assert inside is outbox
    assert elsewhere == [None]
    assert current_outbox() is None
    assert repr(outbox) == "<Outbox of test [0 held]>"


def test_who_was_addressed(layer: MemoryLayer) -> None:
    """The outbox knows what the consumer said last to whom, now or for its end."""
    outbox = Outbox(Waiting().patience(), "test")

    outbox.send_now(Channel("a", channel_layer=layer), {"n": 1})
    outbox.hold(Channel("b", channel_layer=layer), {"n": 2})

    assert [outbox.said_to(name) for name in "abc"] == [{"n": 1}, {"n": 2}, None]


def test_a_coroutine_flushes_without_blocking() -> None:
    """A full channel is tried again there too, and whoever reads it meanwhile makes room."""
    layer = MemoryLayer(capacity=1)
    waiting = Waiting(meanwhile=lambda: layer.sent("a"))
    outbox = Outbox(waiting.patience(), "test")
    outbox.hold(Channel("a", channel_layer=layer), {"n": 1})
    outbox.hold(Channel("a", channel_layer=layer), {"n": 2})

    asyncio.run(outbox.aflush())

    assert layer.sent("a") == [{"n": 2}]
    assert len(waiting.waits) == 1


@pytest.mark.parametrize("in_thread", [False, True], ids=["task", "thread"])
def test_what_outlives_its_consumer_sends_at_once(layer: MemoryLayer, loop: ConsumerLoop, in_thread: bool) -> None:
    """A task, or a thread of ``to_thread``, that a consumer leaves behind finds nobody who would send later."""
    has_ended, has_sent = threading.Event(), threading.Event()
    left_behind: set[asyncio.Future[None]] = set()

    class Last(Channel):
        async def adeliver(self, content: dict[str, Any]) -> None:
            has_ended.set()

    def send_late() -> None:
        has_ended.wait(WITHIN_S)
        Channel("late", channel_layer=layer).send({"n": 1})
        has_sent.set()

    async def send_later() -> None:
        while not has_ended.is_set():
            await asyncio.sleep(0)
        send_late()

    async def consume(message: Message) -> None:
        left_behind.add(asyncio.ensure_future(asyncio.to_thread(send_late) if in_thread else send_later()))
        Last("last", channel_layer=layer).send({})

    worker_for(layer, [route("go", consume)], loop=loop).consume("go", {})

    assert has_sent.wait(WITHIN_S)
    assert layer.sent("late") == [{"n": 1}]


def test_nothing_is_held_back_any_more_when_the_consumer_has_ended(layer: MemoryLayer) -> None:
    """Whether its messages went out or, since it runs again, were dropped."""
    for end in (Outbox.flush, Outbox.discard):
        outbox = Outbox(Waiting().patience(), "test")
        with outbox:
            end(outbox)
            assert current_outbox() is None
