"""Consumers that are coroutines, and what a client hears when a consumer fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection, transaction

from support.memory_layer import MemoryLayer
from support.worker_run import Waiting, worker_for
from zmqlayer.exceptions import MessageTooLarge
from zmqlayer.worker import Channel, Group, Message, route
from zmqlayer.worker.exceptions import AcceptConnection, ConsumeLater, DenyConnection, StopConsumer
from zmqlayer.worker.signals import consumer_finished, consumer_started

Content = dict[str, Any]


def consume(layer: MemoryLayer, consumer: Any, channel: str = "websocket.receive", **content: Any) -> list[Content]:
    """Give *consumer* a message of a connection; return what the client's server hears."""
    message = {"reply_channel": layer.reply_channel(), "path": "/", **content}
    worker_for(layer, [route(channel, consumer)]).consume(channel, message)
    return layer.sent(layer.reply_channel())


async def reply(message: Message, content: Content, **options: Any) -> None:
    """Send to the client."""
    assert message.reply_channel is not None
    await message.reply_channel.asend(content, **options)


def test_a_coroutine_is_a_consumer(layer: MemoryLayer) -> None:
    """What it sends leaves when it has ended, in the order in which it was sent."""
    seen: list[int] = []

    async def consumer(message: Message) -> None:
        await reply(message, {"text": "1"})
        await asyncio.sleep(0)
        await reply(message, {"text": "2"})
        seen.append(layer.waiting(layer.reply_channel()))

    assert consume(layer, consumer) == [{"text": "1"}, {"text": "2"}]
    assert seen == [0]


def test_a_coroutine_may_send_at_once(layer: MemoryLayer) -> None:
    """``immediately`` means now."""
    seen: list[int] = []

    async def consumer(message: Message) -> None:
        await reply(message, {"text": "1"}, immediately=True)
        seen.append(layer.waiting(layer.reply_channel()))

    consume(layer, consumer)

    assert seen == [1]


def test_a_coroutine_joins_a_group(layer: MemoryLayer) -> None:
    """The methods of groups have twins that do not stop the event loop; the others say so."""
    refused: list[str] = []

    async def consumer(message: Message) -> None:
        room = Group("room", channel_layer=layer)
        await room.aadd("a!1")
        await room.aadd("a!2")
        await room.adiscard("a!2")
        await room.asend({"text": "hi"})
        for blocking in (room.add, room.discard):
            try:
                blocking("a!3")
            except SynchronousOnlyOperation as exc:
                refused.append(str(exc))

    consume(layer, consumer)

    assert layer.sent("a!1") == [{"text": "hi"}]
    assert layer.groups["room"] == {"a!1"}
    assert "await aadd() in a coroutine" in refused[0]
    assert "await adiscard() in a coroutine" in refused[1]


def test_a_consumer_may_hand_over_to_a_coroutine(layer: MemoryLayer) -> None:
    """A plain function that returns a coroutine, as decorators do, goes on in it with the same outbox."""

    async def rest(message: Message) -> None:
        await reply(message, {"text": "2"})

    def consumer(message: Message) -> Any:
        assert message.reply_channel is not None
        message.reply_channel.send({"text": "1"})
        return rest(message)

    assert consume(layer, consumer) == [{"text": "1"}, {"text": "2"}]


@pytest.mark.parametrize(
    ("outcome", "answers"),
    [
        (AcceptConnection(), [{"accept": True}]),
        (DenyConnection(), [{"close": True}]),
        (StopConsumer(), []),
        (RuntimeError("broken"), [{"close": 1011, "status": 500}]),
        (SystemExit(), [{"close": 1011, "status": 500}]),
    ],
)
def test_what_a_coroutine_raises(layer: MemoryLayer, outcome: BaseException, answers: list[Content]) -> None:
    """It means the same as from a plain function; only that nothing ends the event loop."""

    async def consumer(message: Message) -> None:
        raise outcome

    assert consume(layer, consumer, "websocket.connect") == answers


def test_a_coroutine_that_awaits_who_was_cancelled(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """It was not cancelled itself, so this is a failure like any other."""

    async def consumer(message: Message) -> None:
        waiting = asyncio.create_task(asyncio.Event().wait())
        waiting.cancel()
        await waiting

    assert consume(layer, consumer) == [{"close": 1011, "status": 500}]
    assert "consumer failed on a message on websocket.receive" in caplog.text


def test_a_coroutine_asks_for_later(layer: MemoryLayer) -> None:
    """Its message goes back after a while, and what it sent does not leave."""
    waiting = Waiting()

    async def consumer(message: Message) -> None:
        await Channel("out", channel_layer=layer).asend({})
        raise ConsumeLater

    worker_for(layer, [route("a", consumer)], waiting).consume("a", {"text": "hi"})

    assert layer.sent("a") == [{"text": "hi", "__retries__": 1}]
    assert layer.waiting("out") == 0
    assert waiting.waits == [0.01]


def test_later_on_a_full_channel_in_a_coroutine(caplog: pytest.LogCaptureFixture) -> None:
    """When there is no way back, the message is dropped with a warning."""

    async def consumer(message: Message) -> None:
        raise ConsumeLater

    layer = MemoryLayer(capacity=0)
    worker_for(layer, [route("a", consumer)]).consume("a", {})

    assert "dropped a message for which its consumer asked for later" in caplog.text


@pytest.fixture
def where() -> Iterator[dict[str, str]]:
    """The threads on which the receivers of the consumers' signals ran."""
    threads: dict[str, str] = {}

    def started(**kwargs: Any) -> None:
        threads["started"] = threading.current_thread().name

    def finished(**kwargs: Any) -> None:
        threads["finished"] = threading.current_thread().name

    consumer_started.connect(started)
    consumer_finished.connect(finished)
    yield threads
    consumer_started.disconnect(started)
    consumer_finished.disconnect(finished)


def test_signals_around_a_coroutine(layer: MemoryLayer, where: dict[str, str]) -> None:
    """They are sent where coroutines have their database connections, which is one thread of Django's."""

    async def consumer(message: Message) -> None:
        """Do nothing."""

    consume(layer, consumer)

    assert where["started"] == where["finished"]
    assert where["started"] != threading.current_thread().name


@pytest.mark.parametrize("channel", ["websocket.connect", "websocket.receive"])
def test_a_websocket_whose_consumer_fails(layer: MemoryLayer, channel: str, caplog: pytest.LogCaptureFixture) -> None:
    """The handshake is refused with 500, and an open socket is closed with 1011; the log has the cause."""

    def consumer(message: Message) -> None:
        raise RuntimeError("broken")

    assert consume(layer, consumer, channel) == [{"close": 1011, "status": 500}]
    assert f"consumer failed on a message on {channel}" in caplog.text
    assert "RuntimeError: broken" in caplog.text


def test_what_was_sent_before_goes_out_before(layer: MemoryLayer) -> None:
    """A failure takes nothing back."""

    def consumer(message: Message) -> None:
        assert message.reply_channel is not None
        message.reply_channel.send({"accept": True})
        raise RuntimeError("broken")

    answers = consume(layer, consumer, "websocket.connect")

    assert answers == [{"accept": True}, {"close": 1011, "status": 500}]


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ([], {"status": 500}),
        ([{"status": 200, "content": b"a", "more_content": True}], {"closed": True}),
        ([{"status": 200, "content": b"a", "more_content": False}], None),
    ],
)
def test_a_request_whose_consumer_fails(layer: MemoryLayer, sent: list[Content], answer: Content | None) -> None:
    """It is answered with 500, or cut off if the response had begun, or nothing is added to one that is whole."""

    def consumer(message: Message) -> None:
        assert message.reply_channel is not None
        for part in sent:
            message.reply_channel.send(part)
        raise RuntimeError("broken")

    added = consume(layer, consumer, "http.request")[len(sent) :]

    assert len(added) == (answer is not None)
    assert all(answer is not None and part | answer == part for part in added)


@pytest.mark.parametrize("channel", ["thumbnail.make", "websocket.disconnect", "http.disconnect"])
def test_where_nobody_waits_nobody_is_told(layer: MemoryLayer, channel: str) -> None:
    """A failure on a channel behind which no client waits is for the log alone."""

    def consumer(message: Message) -> None:
        raise RuntimeError("broken")

    assert consume(layer, consumer, channel) == []


def test_a_client_that_is_gone_is_not_told(layer: MemoryLayer) -> None:
    """Its reply channel is closed."""
    layer.closed.add(layer.reply_channel())

    def consumer(message: Message) -> None:
        raise RuntimeError("broken")

    assert consume(layer, consumer) == []


def test_an_answer_that_cannot_be_sent_is_a_failure(layer: MemoryLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client would wait for it: it hears that there is none."""

    def consumer(message: Message) -> None:
        assert message.reply_channel is not None
        monkeypatch.setattr(message.reply_channel, "deliver", refuse_large(message.reply_channel))
        message.reply_channel.send({"text": "x" * 100})

    assert consume(layer, consumer, order=4) == [{"close": 1011, "status": 500, "consumed": 4}]


def refuse_large(channel: Channel) -> Any:
    """Return a way to send to *channel* that takes short texts only."""
    deliver = channel.deliver

    def send(content: Content) -> None:
        if len(content.get("text") or "") > 10:
            raise MessageTooLarge(channel.name, 100, 10)
        deliver(content)

    return send


@pytest.mark.parametrize(
    ("channel", "answers"),
    [("websocket.connect", [{"close": 1011, "status": 500}]), ("websocket.receive", []), ("thumbnail.make", [])],
)
def test_a_consumer_that_returns_something(
    layer: MemoryLayer, channel: str, answers: list[Content], caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody reads it: the log says so, and a client that waits for an answer is told that none comes."""

    def consumer(message: Message) -> object:
        return {"accept": True}

    assert consume(layer, consumer, channel) == answers
    assert "consumer returned an object of type dict, which nobody reads" in caplog.text


def test_a_test_sees_what_a_consumer_raises(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """With ``propagate`` the exception comes out, after what the consumer sent has left."""

    def consumer(message: Message) -> None:
        Channel("out", channel_layer=layer).send({})
        raise RuntimeError("broken")

    async def coroutine(message: Message) -> None:
        consumer(message)

    for each in (consumer, coroutine):
        with pytest.raises(RuntimeError, match="broken"):
            worker_for(layer, [route("a", each)]).consume("a", {}, propagate=True)

    assert layer.waiting("out") == 2
    assert not caplog.records


def test_a_message_is_sent_when_its_transaction_is_committed(layer: MemoryLayer, database: None) -> None:
    """With ``on_commit`` it waits for the commit, and in a consumer for its end too; a rollback drops it."""
    out = Channel("out", channel_layer=layer)
    seen: list[int] = []

    def consumer(message: Message) -> None:
        with transaction.atomic():
            out.send(said := {"n": 1}, on_commit=True)
            said["n"] = 9
        with transaction.atomic():
            out.send({"n": 2}, on_commit=True)
            transaction.set_rollback(True)
        out.send({"n": 3}, on_commit=True)
        seen.append(layer.waiting("out"))

    consume(layer, consumer)

    assert seen == [0]
    assert layer.sent("out") == [{"n": 1}, {"n": 3}]
    assert not connection.in_atomic_block


def test_outside_a_consumer_a_commit_sends(layer: MemoryLayer, database: None) -> None:
    """A view or a script in a transaction: nobody hears of rows that are not there yet."""
    group = Group("room", channel_layer=layer)
    group.add("a!1")
    with transaction.atomic():
        group.send({"n": 1}, on_commit=True)
        before = layer.waiting("a!1")

    assert (before, layer.sent("a!1")) == (0, [{"n": 1}])


def test_a_full_channel_at_a_commit_is_logged(database: None, caplog: pytest.LogCaptureFixture) -> None:
    """The transaction is committed by then, so it is no error of who committed it."""
    with transaction.atomic():
        Channel("out", channel_layer=MemoryLayer(capacity=0)).send({}, on_commit=True)

    assert "channel 'out' is full" in caplog.text


def test_a_coroutine_sends_on_commit(layer: MemoryLayer, database: None) -> None:
    """It has no transaction open, so the message goes at once."""
    asyncio.run(Channel("out", channel_layer=layer).asend({"n": 1}, on_commit=True))

    assert layer.sent("out") == [{"n": 1}]
