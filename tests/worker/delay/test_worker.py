"""The delay server's loop: from ``asgi.delay`` to the channel, whatever goes wrong on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from support.delay_run import TimedLayer, delayed, request
from support.memory_layer import MemoryLayer
from support.worker_run import worker_for
from zmqlayer.exceptions import LayerClosed
from zmqlayer.worker import Channel, Message, route
from zmqlayer.worker.delay.database import DatabaseStore
from zmqlayer.worker.delay.delayed import Delayed, Order, pack
from zmqlayer.worker.delay.models import DelayedMessage
from zmqlayer.worker.delay.schedule import Schedule
from zmqlayer.worker.delay.stores import MemoryStore, Store, StoreUnavailable
from zmqlayer.worker.delay.worker import MAX_TRIES, Worker


@pytest.fixture
def layer() -> TimedLayer:
    """A layer whose time passes only by waiting."""
    return TimedLayer()


@pytest.fixture(params=["memory", "database"])
def store(request: pytest.FixtureRequest, layer: TimedLayer) -> Store:
    """Each of the two stores."""
    if request.param == "memory":
        return MemoryStore(layer.clock)
    request.getfixturevalue("database")
    return DatabaseStore("default", 5.0, layer.clock, layer.today)


class Served:
    """A delay server on a layer, run turn by turn."""

    def __init__(self, layer: TimedLayer, store: Store) -> None:
        self.layer = layer
        self.worker = Worker(layer, store)

    def until(self, second: float) -> list[tuple[float, Any]]:
        """Let time pass until *second*; return the numbers that reached ``reminders``, with the time of each."""
        for _ in range(1_000):
            self.worker.turn()
            if self.layer.passed_s >= second:
                return [(at, content["number"]) for at, channel, content in self.layer.log if channel == "reminders"]
        raise AssertionError(f"time stands still at {self.layer.passed_s} s")


@pytest.fixture
def served(layer: TimedLayer, store: Store) -> Served:
    """A delay server."""
    return Served(layer, store)


def test_channel_asgi_delay_send(layer: TimedLayer, served: Served) -> None:
    """A message for ``asgi.delay`` names a channel, a delay in milliseconds, and the message to send."""
    Channel("asgi.delay", channel_layer=layer).send(
        {"channel": "reminders", "delay": 10_000, "content": {"number": 7}},
    )

    assert served.until(20.0) == [(10.0, 7)]


def test_delay_in_a_consumer(layer: TimedLayer, served: Served) -> None:
    """In a consumer it is a message like any other: it goes out when the consumer ends."""
    waiting_inside: list[int] = []

    def remind_later(message: Message) -> None:
        Channel("asgi.delay", channel_layer=layer).send(
            {"channel": "reminders", "delay": 1_000, "content": {"number": message["number"]}}
        )
        waiting_inside.append(layer.waiting("asgi.delay"))

    worker_for(layer, [route("remind", remind_later)]).consume("remind", {"number": 3})

    assert waiting_inside == [0]
    assert served.until(5.0) == [(1.0, 3)]


@pytest.mark.usefixtures("database")
def test_delay_on_commit(layer: TimedLayer) -> None:
    """With ``on_commit`` nothing is delayed if the transaction rolls back, and the delay begins with the commit."""

    def remind_later(message: Message) -> None:
        with transaction.atomic():
            Channel("asgi.delay", channel_layer=layer).send(request(message["number"]), on_commit=True)
            assert layer.waiting("asgi.delay") == 0
            transaction.set_rollback(message["number"] == 1)

    worker = worker_for(layer, [route("remind", remind_later)])
    for number in (1, 2):
        worker.consume("remind", {"number": number})

    assert Served(layer, MemoryStore(layer.clock)).until(5.0) == [(1.0, 2)]


def test_each_at_its_time(layer: TimedLayer, served: Served) -> None:
    """Messages leave when they are due, not when they came."""
    for number, delay in enumerate([3_000, 1_000, 2_500]):
        layer.send("asgi.delay", request(number, delay))

    assert served.until(10.0) == [(1.0, 1), (2.5, 2), (3.0, 0)]


def test_a_new_request_wakes_it(layer: TimedLayer, served: Served) -> None:
    """While it waits for a late message it takes an early one, which overtakes."""
    layer.send("asgi.delay", request(1, 60_000))
    served.until(5.0)
    layer.send("asgi.delay", request(2, 100))

    assert served.until(6.0) == [(5.1, 2)]


def test_it_never_spins(layer: TimedLayer, served: Served) -> None:
    """In a minute with one message it waits about once every five seconds, and never for no time at all."""
    layer.send("asgi.delay", request(1, 31_000))
    served.until(60.0)

    assert len(layer.waits) <= 14
    assert min(layer.waits) > 0.01


def test_bytes_arrive_as_bytes(layer: TimedLayer, served: Served) -> None:
    """Contents are kept in a form that tells bytes from text."""
    content = {"number": 1, "bytes": b"\x00\xff", "text": "ä", "list": [b"a", "a"]}
    layer.send("asgi.delay", {"channel": "reminders", "delay": 1, "content": content})
    layer.send("asgi.delay", {"channel": "copy", "delay": 1, "content": content})

    served.until(1.0)

    assert layer.sent("copy") == [content]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({}, "lacks 'channel', 'delay', 'content'"),
        (request(delay=-1), "has a delay of -1 ms"),
        (request(channel="é"), "is not a channel name"),
        ({**request(), "content": 3}, "a dict is needed, not int"),
    ],
)
def test_a_bad_request_is_named_and_dropped(
    layer: TimedLayer, served: Served, caplog: pytest.LogCaptureFixture, wrong: dict[str, Any], sentence: str
) -> None:
    """What is wrong stands in the log, and the next request is served."""
    layer.send("asgi.delay", wrong)
    layer.send("asgi.delay", request(1))

    assert served.until(5.0) == [(1.0, 1)]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "dropped a message that was to be delayed" in record.getMessage()
    assert sentence in record.getMessage()


def test_a_full_channel_is_tried_again(layer: TimedLayer, served: Served) -> None:
    """A message whose channel is full waits longer and longer, and goes when there is room."""
    layer.capacity = 1
    layer.send("busy", {})
    layer.send("asgi.delay", request(1, 1_000, "busy"))
    served.until(2.0)

    assert layer.sent("busy") == [{}]
    served.until(10.0)
    assert layer.sent("busy") == [{"number": 1}]


def test_a_channel_that_stays_full(layer: TimedLayer, served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """After ten tries in about a minute the message is dropped by name; others were sent meanwhile."""
    layer.capacity = 1
    layer.send("busy", {})
    layer.send("asgi.delay", request(1, 1_000, "busy"))
    served.until(1.0)
    layer.send("asgi.delay", request(2, 1_000))

    assert [number for _, number in served.until(100.0)] == [2]
    (record,) = caplog.records
    assert "dropped a delayed message for 'busy' after 10 tries: channel 'busy' is full" in record.getMessage()
    assert MAX_TRIES == 10
    assert list(served.worker.store.take()) == []


def test_what_the_layer_refuses_is_dropped(layer: TimedLayer, served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """A row that holds no message is named and dropped, and does not hold up the others."""
    served.worker.store.add(Delayed(delayed().channel, b"\xc1"), 1.0)
    served.worker.store.add(delayed(2), 1.0)

    assert served.until(5.0) == [(1.0, 2)]
    assert "dropped a delayed message for 'reminders': a message of 1 bytes is not msgpack" in caplog.text


def test_what_breaks_the_layer_is_named(
    layer: TimedLayer, served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message at which the layer itself fails is named, with the traceback, and the next one is sent."""
    served.worker.store.add(delayed(1, "broken"), 1.0)
    served.worker.store.add(delayed(2), 1.0)
    send = layer.send

    def fail(channel: str, message: Any) -> None:
        if channel == "broken":
            raise RuntimeError("a bug")
        send(channel, message)

    monkeypatch.setattr(layer, "send", fail)

    assert served.until(5.0) == [(1.0, 2)]
    assert "dropped a delayed message for 'broken': it could not be sent" in caplog.text


def test_full_memory_stops_reading(layer: TimedLayer) -> None:
    """More than fits stays in the channel, where it counts against the capacity of those who ask."""
    worker = Worker(layer, MemoryStore(layer.clock, Schedule(max_messages=1)))
    worker.stop()  # so that the pause while it is full takes no time
    for number in range(3):
        layer.send("asgi.delay", request(number))

    worker.turn()
    worker.turn()

    assert layer.waiting("asgi.delay") == 2


class BrokenStore(MemoryStore):
    """Fails as often as it is told to."""

    def __init__(self, layer: TimedLayer, failures: list[Exception]) -> None:
        super().__init__(layer.clock)
        self.failures = failures

    def add(self, delayed: Delayed, after_s: float) -> None:
        """Keep, or fail."""
        self._fail()
        super().add(delayed, after_s)

    def take(self) -> Iterator[Delayed]:
        """Take, or fail."""
        self._fail()
        return super().take()

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses after errors take no time."""
    monkeypatch.setattr("zmqlayer.worker.delay.worker.RECOVER_FIRST_S", 0.0)
    monkeypatch.setattr("zmqlayer.worker.delay.worker.RECOVER_MOST_S", 0.0)


def run_until_sent(layer: TimedLayer, worker: Worker) -> None:
    """Run the loop in a thread until a message has reached ``reminders``."""
    thread = threading.Thread(target=worker.run)
    thread.start()
    channel, _ = MemoryLayer.receive(layer, ["reminders"], block=True, timeout=10.0)
    worker.stop()
    thread.join(10)
    assert channel == "reminders"
    assert not thread.is_alive()


@pytest.mark.usefixtures("quick")
def test_a_store_that_fails_is_asked_again(layer: TimedLayer, caplog: pytest.LogCaptureFixture) -> None:
    """While the database is away a request is held in hand, and nothing is lost."""
    store = BrokenStore(layer, [])
    worker = Worker(layer, store)
    layer.send("asgi.delay", request(1))
    store.failures = [StoreUnavailable("gone"), StoreUnavailable("still gone")]

    run_until_sent(layer, worker)

    assert "cannot be reached: gone; the delay server tries again" in caplog.text
    assert "cannot be reached: still gone" in caplog.text


@pytest.mark.usefixtures("quick")
def test_nothing_ends_the_loop(layer: TimedLayer, caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody foresaw is logged with its traceback, and the loop goes on."""
    store = BrokenStore(layer, [RuntimeError("a bug")])
    layer.send("asgi.delay", request(1))

    run_until_sent(layer, Worker(layer, store))

    assert "the delay server goes on after an error" in caplog.text
    assert "RuntimeError: a bug" in caplog.text


@pytest.mark.usefixtures("quick")
def test_what_cannot_be_stored_is_named(layer: TimedLayer, caplog: pytest.LogCaptureFixture) -> None:
    """A request that the store refuses for good is dropped, with the reason."""
    store = BrokenStore(layer, [])
    worker = Worker(layer, store)
    layer.send("asgi.delay", request(1))
    list(store.take())
    original = store.take

    def fail_next(*args: Any) -> Iterator[Delayed]:
        store.take = original  # type: ignore[method-assign]
        store.failures = [RuntimeError("no such type")]
        return iter(())

    store.take = fail_next  # type: ignore[method-assign]
    worker.turn()

    assert "dropped a delayed message for 'reminders': it could not be stored" in caplog.text
    assert "no such type" in caplog.text


def test_told_to_stop_while_the_store_is_away(layer: TimedLayer) -> None:
    """A request in hand goes back to ``asgi.delay``, where another server may find it."""
    store = BrokenStore(layer, [])
    worker = Worker(layer, store)
    store.failures = [StoreUnavailable("gone")]
    worker.stop()

    worker._keep(Order(pack("reminders", {"number": 1}, 1_000), 2.0))

    assert layer.sent("asgi.delay") == [request(1, 2_000)]


def test_told_to_stop_while_much_is_due(layer: TimedLayer, store: Store) -> None:
    """The message in hand is sent, and the others stay where they are."""
    worker = Worker(layer, store)
    for number in range(3):
        store.add(delayed(number), 1.0)
    layer.passed_s = 1.0
    worker.stop()

    worker.turn()

    assert layer.sent("reminders") == [{"number": 0}]
    assert [message.content()["number"] for message in store.take()] == [1, 2]


def test_the_end_of_the_layer(layer: TimedLayer, store: Store) -> None:
    """A layer that is closed under it ends the loop; a message that was due then is kept."""
    store.add(delayed(5), 1.0)
    layer.passed_s = 1.0

    def closed(channel: str, message: Any) -> None:
        raise LayerClosed

    layer.send = closed  # type: ignore[method-assign]
    worker = Worker(layer, store)
    with pytest.raises(LayerClosed):
        worker.turn()

    assert [message.content()["number"] for message in store.take()] == [5]


def test_it_says_how_it_stands(layer: TimedLayer) -> None:
    """The representation tells the state."""
    worker = Worker(layer, MemoryStore(layer.clock))
    before = repr(worker)
    worker.stop()

    assert before.startswith("<Worker [running | <MemoryStore of")
    assert repr(worker).startswith("<Worker [stopping | ")


@pytest.mark.usefixtures("database")
def test_the_row_is_gone_before_the_message_is_sent(layer: TimedLayer) -> None:
    """At most once: a server that dies now leaves nothing that would be sent again."""
    store = DatabaseStore("default", 5.0, layer.clock, layer.today)
    store.add(delayed(1), 1.0)
    layer.passed_s = 1.0
    rows: list[int] = []
    send = layer.send

    def watched(channel: str, message: Any) -> None:
        rows.append(DelayedMessage.objects.count())
        send(channel, message)

    layer.send = watched  # type: ignore[method-assign]
    Worker(layer, store).turn()

    assert rows == [0]
