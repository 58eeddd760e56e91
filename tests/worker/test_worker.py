"""The worker's way with one message, and its loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from support.memory_layer import MemoryLayer
from support.worker_run import Waiting, worker_for
from zmqlayer.worker import Channel, Group, Message, route
from zmqlayer.worker.exceptions import AcceptConnection, ConsumeLater, DenyConnection, RequestAborted, StopConsumer
from zmqlayer.worker.signals import consumer_finished, consumer_started
from zmqlayer.worker.worker import Worker


def from_browser(layer: MemoryLayer, **content: Any) -> dict[str, Any]:
    """A message of a connection."""
    return {"reply_channel": layer.reply_channel(), "path": "/", **content}


def raising(outcome: BaseException) -> Any:
    """A consumer that sends to "out", and then raises."""

    def consumer(message: Message) -> None:
        Channel("out", channel_layer=message.channel_layer).send({"from": "consumer"})
        raise outcome

    return consumer


@pytest.fixture
def consumer_signals() -> Iterator[list[str]]:
    """The worker's signals in the order in which they came."""
    heard: list[str] = []

    def started(message: Message, **kwargs: Any) -> None:
        heard.append(f"started {message.channel}")

    def finished(message: Message, **kwargs: Any) -> None:
        heard.append(f"finished {message.channel}")

    consumer_started.connect(started)
    consumer_finished.connect(finished)
    yield heard
    consumer_started.disconnect(started)
    consumer_finished.disconnect(finished)


def test_a_message_reaches_its_consumer(layer: MemoryLayer) -> None:
    """The consumer gets the message and what the route's filters found."""
    seen: list[Any] = []

    def consumer(message: Message, room: str) -> None:
        seen.append((message["text"], room))

    worker = worker_for(layer, [route("websocket.receive", consumer, path=r"^/(?P<room>\w+)$")])
    worker.consume("websocket.receive", from_browser(layer, path="/lobby", text="hi"))

    assert seen == [("hi", "lobby")]


def test_answers_leave_when_the_consumer_has_ended(layer: MemoryLayer) -> None:
    """While a consumer runs, nobody sees what it has sent."""
    seen: list[int] = []

    def consumer(message: Message) -> None:
        assert message.reply_channel is not None
        message.reply_channel.send({"text": "1"})
        message.reply_channel.send({"text": "2"})
        seen.append(layer.waiting(layer.reply_channel()))

    worker_for(layer, [route("a", consumer)]).consume("a", from_browser(layer))

    assert seen == [0]
    assert layer.sent(layer.reply_channel()) == [{"text": "1"}, {"text": "2"}]


def test_a_consumer_that_fails(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the consumer and the channel; what it had sent goes out, as the rows it wrote stay."""
    worker_for(layer, [route("a", raising(RuntimeError("broken")))]).consume("a", {})

    assert "test_worker.raising.<locals>.consumer failed on a message on a" in caplog.text
    assert "RuntimeError: broken" in caplog.text
    assert layer.sent("out") == [{"from": "consumer"}]


@pytest.mark.parametrize(
    ("outcome", "answers"),
    [
        (AcceptConnection(), [{"accept": True}]),
        (DenyConnection(), [{"close": True}]),
        (StopConsumer(), []),
        (RequestAborted("the client is gone"), []),
    ],
)
def test_outcomes(
    layer: MemoryLayer, caplog: pytest.LogCaptureFixture, outcome: BaseException, answers: list[Any]
) -> None:
    """What a consumer raises on purpose is done, and is no failure."""
    worker_for(layer, [route("websocket.connect", raising(outcome))]).consume("websocket.connect", from_browser(layer))

    assert layer.sent(layer.reply_channel()) == answers
    assert not caplog.records


def test_an_outcome_without_a_connection(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """Closing what was never open is logged; the worker lives."""
    worker_for(layer, [route("a", raising(DenyConnection()))]).consume("a", {})

    assert "without a reply channel" in caplog.text


def test_websockets_are_accepted_by_default(layer: MemoryLayer) -> None:
    """A project without routes lets sockets in, and ignores what they say."""
    worker = worker_for(layer, [])

    worker.consume("websocket.connect", from_browser(layer))
    worker.consume("websocket.receive", from_browser(layer, text="hi"))

    assert layer.sent(layer.reply_channel()) == [{"accept": True}]


def test_later(layer: MemoryLayer) -> None:
    """A message for which it is too early goes back to its channel, with a count; nothing else goes out."""
    worker_for(layer, [route("a", raising(ConsumeLater()))]).consume("a", {"text": "hi"})

    assert layer.sent("a") == [{"text": "hi", "__retries__": 1}]
    assert layer.waiting("out") == 0


def test_later_is_not_at_once(layer: MemoryLayer) -> None:
    """Between the tries there is time for something to happen: more than a second in all."""
    waiting = Waiting()
    worker = worker_for(layer, [route("a", raising(ConsumeLater()))], waiting)

    for tries in range(10):
        worker.consume("a", {"__retries__": tries})

    assert waiting.now == pytest.approx(1.56)
    assert max(waiting.waits) == 0.25


def test_ten_times_later_is_never(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """The first try and ten more; in the last one the consumer can know that it is the last."""
    doomed: list[bool] = []

    def consumer(message: Message) -> None:
        doomed.append(message.__doomed__)
        raise ConsumeLater

    worker = worker_for(layer, [route("a", consumer)])
    layer.send("a", {"text": "hi"})
    while layer.waiting("a"):
        worker.consume("a", layer.sent("a")[0])

    assert doomed == [False] * 10 + [True]
    assert "dropped a message on 'a': its consumer asked 11 times for later" in caplog.text


def test_a_worker_may_give_no_second_try(layer: MemoryLayer) -> None:
    """Then the first try is the last, and the consumer can know that."""
    doomed: list[bool] = []
    worker = worker_for(layer, [route("a", lambda message: doomed.append(message.__doomed__))], message_retries=0)

    worker.consume("a", {})

    assert doomed == [True]


def test_later_on_a_full_channel(caplog: pytest.LogCaptureFixture) -> None:
    """When there is no way back, the message is dropped with a warning."""
    layer = MemoryLayer(capacity=0)

    worker_for(layer, [route("a", raising(ConsumeLater()))]).consume("a", {})

    assert "dropped a message for which its consumer asked for later" in caplog.text


def test_nobody_wants_it(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """A message that no route fits is logged by its channel and keys, not by its values."""
    worker_for(layer, [route("a", raising(RuntimeError()), path="/x")]).consume("a", {"path": "/secret"})

    assert "no route wants a message on 'a' with path: dropped" in caplog.text


def test_signals_around_a_consumer(layer: MemoryLayer, consumer_signals: list[str]) -> None:
    """Both are sent, also when the consumer fails."""
    worker_for(layer, [route("a", raising(RuntimeError()))]).consume("a", {})

    assert consumer_signals == ["started a", "finished a"]


def test_a_signal_receiver_that_fails(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """A broken receiver stops neither the consumer nor the worker."""
    ran: list[Message] = []

    def fail(**kwargs: Any) -> None:
        raise RuntimeError("broken receiver")

    consumer_started.connect(fail)
    try:
        worker_for(layer, [route("a", ran.append)]).consume("a", {})
    finally:
        consumer_started.disconnect(fail)

    assert len(ran) == 1
    assert "broken receiver" in caplog.text


def run_until_stopped(worker: Worker) -> None:
    """Run *worker* in a thread; a message on "stop" ends it."""
    thread = threading.Thread(target=worker.run)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()


def stopping(layer: MemoryLayer, *routes: Any) -> Worker:
    """A worker with a consumer that stops it."""
    worker = worker_for(layer, [*routes, route("z.stop", lambda message: worker.stop())])
    return worker


def test_a_consumer_that_exits(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """``sys.exit()`` in a consumer is a failure like any other: neither the worker nor its thread ends by it."""
    worker_for(layer, [route("a", raising(SystemExit(3)))]).consume("a", {})

    assert "failed on a message on a" in caplog.text
    assert "SystemExit: 3" in caplog.text


def test_the_loop_goes_on(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """Failing consumers, garbage and full channels: the worker takes the next message."""
    worker = stopping(layer, route("a", raising(RuntimeError("broken"))))
    layer.send("a", {})
    layer.send("a", {"reply_channel": "no such name"})
    layer.send("a", {"reply_channel": 7})
    layer.send("a", {"__retries__": "many"})
    layer.send("z.stop", {})

    run_until_stopped(worker)

    assert layer.waiting("a") == 0
    assert caplog.text.count("could not be consumed") == 2
    assert caplog.text.count("RuntimeError: broken") == 2


def test_stopping_wakes_a_waiting_worker(layer: MemoryLayer) -> None:
    """A worker that waits for a message ends at once."""
    worker = worker_for(layer, [])
    thread = threading.Thread(target=worker.run)
    thread.start()

    while thread.is_alive():
        worker.stop()
        thread.join(0.01)

    assert worker.is_stopping


def test_a_closed_layer_ends_the_loop(layer: MemoryLayer) -> None:
    """There is nothing more to come."""
    layer.close()

    worker_for(layer, []).run()


def test_messages_do_not_see_each_other(layer: MemoryLayer) -> None:
    """What one consumer sets for its context, such as the language, is not there for the next."""
    languages: list[str | None] = []

    def consumer(message: Message) -> None:
        languages.append(translation.get_language())
        translation.activate("pt")

    worker = stopping(layer, route("a", consumer))
    for _ in range(2):
        layer.send("a", {})
    layer.send("z.stop", {})
    run_until_stopped(worker)

    assert languages == ["en-us", "en-us"]


def test_the_talk_fan_out(layer: MemoryLayer) -> None:
    """Consumers talk to other consumers over channels, and to browsers through groups."""

    def join(message: Message) -> None:
        assert message.reply_channel is not None
        Group("news", channel_layer=layer).add(message.reply_channel)

    def publish(message: Message) -> None:
        Group("news", channel_layer=layer).send({"text": message["headline"]})

    worker = worker_for(layer, [route("websocket.connect", join), route("news.publish", publish)])
    worker.consume("websocket.connect", from_browser(layer))
    worker.consume("news.publish", {"headline": "It rains"})

    assert layer.sent(layer.reply_channel()) == [{"text": "It rains"}]


def test_a_worker_reads_what_it_is_told(layer: MemoryLayer) -> None:
    """All channels of its routes, unless some were chosen."""
    assert worker_for(layer, [route("a", raising(RuntimeError()))], channels=["a"]).channels == ["a"]
    assert repr(worker_for(layer, [], channels=["a"])) == "<Worker [running | a]>"
