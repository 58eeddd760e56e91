"""``enforce_ordering``: the messages of a connection one after the other, whatever workers they get to."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection

from support.memory_layer import MemoryLayer
from support.visits import on, queries, run
from support.worker_run import Waiting, worker_for
from zmqlayer.worker import Message, ordering, outbox, overdue, route
from zmqlayer.worker.auth import channel_session_user
from zmqlayer.worker.exceptions import ConsumeLater, DenyConnection, StopConsumer
from zmqlayer.worker.overdue import Overdue
from zmqlayer.worker.sessions import channel_session, enforce_ordering, http_session
from zmqlayer.worker.worker import Worker

pytestmark = pytest.mark.usefixtures("database", "watched")

RECEIVE, DISCONNECT = "websocket.receive", "websocket.disconnect"


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Overdue:
    """What would watch for lost messages; it looks only when told."""
    watching = Overdue(Waiting().patience(), start=lambda run: None)
    monkeypatch.setattr(ordering, "overdue", watching)
    return watching


@dataclass
class Chat:
    """Workers whose consumers note what they see, and one connection's messages on a layer."""

    decorate: Any = enforce_ordering
    layer: MemoryLayer = field(default_factory=MemoryLayer)
    seen: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        consumer = self.decorate(self.note)
        self.worker: Worker = worker_for(self.layer, [route(RECEIVE, consumer), route(DISCONNECT, consumer)])

    def note(self, message: Message) -> None:
        """Consume one message."""
        self.seen.append(message["order"])

    def message(self, order: int, **content: Any) -> dict[str, Any]:
        """One message, as a server sends it that keeps any number in flight."""
        return {"reply_channel": self.layer.reply_channel(), "path": "/", "order": order, **content}

    def consume(self, *orders: int, channel: str = RECEIVE, **content: Any) -> None:
        """Give the messages to the worker, in the order of their arrival, and what workers send back too."""
        for order in orders:
            self.worker.consume(channel, self.message(order, **content))
            self.consume_rest()

    def consume_rest(self) -> None:
        """Consume what workers have sent back, or on."""
        for _ in range(1000):
            channel, content = self.layer.receive([RECEIVE, DISCONNECT])
            if channel is None or content is None:
                return
            self.worker.consume(channel, content)
        raise AssertionError("messages go round in circles")


@dataclass
class LaterChat(Chat):
    """The same with coroutines."""

    async def note(self, message: Message) -> None:  # type: ignore[override]
        """Consume one message."""
        self.seen.append(message["order"])

    def __post_init__(self) -> None:
        super().__post_init__()
        self.worker.loop = self  # type: ignore[assignment]

    def spawn(self, coroutine: Any, context: Any) -> None:
        """Run *coroutine* as a worker's loop does, but with the thread, and the database connection, of the test."""
        context.run(run, lambda _: coroutine, on(RECEIVE))


BOTH = pytest.mark.parametrize("kind", [Chat, LaterChat])


@BOTH
def test_messages_are_consumed_in_order(kind: type[Chat]) -> None:
    """What comes too early waits; when its turn comes it is sent on, and consumed."""
    chat = kind()

    chat.consume(3, 2)
    before = list(chat.seen)
    chat.consume(1)

    assert (before, chat.seen) == ([], [1, 2, 3])


@BOTH
@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_arrival_becomes_the_right_one(kind: type[Chat], seed: int) -> None:
    """A connection from its first message to its last, which leaves nothing behind."""
    chat = kind()
    arriving = list(range(1, 13))
    random.Random(seed).shuffle(arriving)

    for order in arriving:
        chat.consume(order, channel=DISCONNECT if order == 12 else RECEIVE)

    assert chat.seen == list(range(1, 13))
    assert Session.objects.count() == 0


@BOTH
def test_each_message_is_consumed_once(kind: type[Chat]) -> None:
    """And waits without being asked for: it is sent on once."""
    chat = kind()
    sent: list[str] = []
    send = chat.layer.send

    def record(channel: str, message: dict[str, Any]) -> None:
        if channel == RECEIVE:
            sent.append(channel)
        send(channel, message)

    chat.layer.send = record  # type: ignore[method-assign]
    chat.consume(*range(20, 0, -1))

    assert chat.seen == list(range(1, 21))
    assert len(sent) == 19


def test_it_is_free_where_the_server_keeps_one_message_in_flight() -> None:
    """The message says that those before it are consumed: no query at all, and no session."""
    chat = Chat()

    with queries():
        for order in range(1, 4):
            chat.consume(order, consumed=order - 1)

    assert chat.seen == [1, 2, 3]


def test_connecting_is_free() -> None:
    """Nothing can come before it; and what comes next is sent when it was answered."""
    chat = Chat()

    with queries():
        enforce_ordering(chat.note)(on("websocket.connect", order=0))

    assert chat.seen == [0]


def test_asking_twice_costs_nothing_more() -> None:
    """As when a class asks for order, and one of its methods does too."""
    chat = Chat(decorate=lambda consumer: enforce_ordering(enforce_ordering(consumer)))

    with queries("INSERT session"):
        chat.consume(1)

    assert chat.seen == [1]


def test_what_ordering_costs_without_the_servers_help() -> None:
    """To ask whether it is one's turn, to take it, and to pass it on: no update of a row that others write too."""
    chat = Chat()
    chat.consume(1)

    with queries("SELECT session", "SELECT session", "DELETE session", "INSERT session"):
        chat.consume(2)

    assert chat.seen == [1, 2]


def test_a_message_keeps_its_bytes_while_it_waits() -> None:
    """Although sessions are JSON."""
    chat = Chat()
    kept: list[Any] = []
    chat.note = lambda message: kept.append(message.content)  # type: ignore[method-assign]
    chat.__post_init__()

    chat.consume(2, bytes=b"\x00\xff", text=None)
    chat.consume(1)

    waited = kept[1]
    assert {name: waited[name] for name in chat.message(2)} == chat.message(2)
    assert (waited["bytes"], waited["text"]) == (b"\x00\xff", None)


def test_connections_do_not_wait_for_each_other() -> None:
    """Each has an order of its own."""
    chat = Chat()

    chat.consume(2, reply_channel=chat.layer.reply_channel("ada"))
    chat.consume(1, reply_channel=chat.layer.reply_channel("bob"))

    assert chat.seen == [1]


@BOTH
@pytest.mark.parametrize("outcome", [RuntimeError, StopConsumer, DenyConnection])
def test_the_next_one_runs_however_this_one_ends(kind: type[Chat], outcome: type[Exception]) -> None:
    """A consumer that fails has had its turn."""
    chat = kind()
    note = chat.note

    def fail(message: Message) -> Any:
        note_of_it = note(message)
        if message["order"] == 1 and note_of_it is None:
            raise outcome
        return note_of_it

    async def fail_later(message: Message) -> None:
        await note(message)  # type: ignore[func-returns-value]
        if message["order"] == 1:
            raise outcome

    chat.note = fail_later if kind is LaterChat else fail  # type: ignore[assignment]
    chat.__post_init__()

    chat.consume(2, 1)

    assert chat.seen == [1, 2]


def test_the_next_one_runs_where_no_more_answers_are_held(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """That the turn is passed on is no answer of the consumer, which has sent as many as it may."""
    monkeypatch.setattr(outbox, "HELD_LIMIT", 3)
    chat = Chat()
    note = chat.note

    def answer(message: Message) -> None:
        note(message)
        assert message.reply_channel is not None
        for _ in range(3):
            message.reply_channel.send({"text": "hello"})

    chat.note = answer  # type: ignore[method-assign]
    chat.__post_init__()

    chat.consume(2, 1)

    assert chat.seen == [1, 2]
    assert not caplog.records


@BOTH
def test_a_consumer_that_asks_for_later_keeps_its_turn(kind: type[Chat]) -> None:
    """The next one waits until it is done, or has asked once too often."""
    chat = kind()
    tries = {1: 3, 2: 100}

    def put_off(message: Message) -> None:
        chat.seen.append((message["order"], message.get("__retries__", 0)))
        if message.get("__retries__", 0) < tries.get(message["order"], 0):
            raise ConsumeLater

    async def put_off_later(message: Message) -> None:
        put_off(message)

    chat.note = put_off_later if kind is LaterChat else put_off  # type: ignore[assignment]
    chat.__post_init__()

    chat.consume(3, 2, 1)

    expected = [*((1, tries) for tries in range(4)), *((2, tries) for tries in range(11)), (3, 0)]
    assert chat.seen == expected


STACKS = {
    "alone": enforce_ordering,
    "called": enforce_ordering(slight=False),
    "twice": lambda consumer: enforce_ordering(channel_session(enforce_ordering(consumer))),
    "inside a session": lambda consumer: channel_session(enforce_ordering(consumer)),
    "around a session": lambda consumer: enforce_ordering(channel_session(consumer)),
    "around a user": lambda consumer: enforce_ordering(channel_session_user(consumer)),
    "inside a user": lambda consumer: channel_session_user(enforce_ordering(consumer)),
    "between": lambda consumer: http_session(enforce_ordering(channel_session_user(consumer))),
}


@BOTH
@pytest.mark.parametrize("decorate", STACKS.values(), ids=STACKS.keys())
def test_it_goes_with_other_decorators_in_any_order(kind: type[Chat], decorate: Any) -> None:
    """What one consumer writes into the session, the next one reads: it is saved before the turn is passed on."""
    chat = kind()

    def count(message: Message) -> None:
        message.channel_session["n"] = message.channel_session.get("n", 0) + 1
        chat.seen.append((message["order"], message.channel_session["n"]))

    async def count_later(message: Message) -> None:
        await message.channel_session.aset("n", await message.channel_session.aget("n", 0) + 1)
        chat.seen.append((message["order"], await message.channel_session.aget("n")))

    chat.decorate = decorate
    chat.note = count_later if kind is LaterChat else count  # type: ignore[method-assign,assignment]
    chat.__post_init__()
    chat.consume(4, channel=DISCONNECT)
    chat.consume(3, 1, 2)

    assert chat.seen == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert Session.objects.count() == 0


def test_answers_leave_before_the_turn_is_passed_on() -> None:
    """So the client has the answers in order, and the next consumer has the session: the call is the last to leave."""
    chat = Chat()
    left: list[str] = []

    def answer(message: Message) -> None:
        assert message.reply_channel is not None
        message.reply_channel.send({"text": str(message["order"])})
        message.channel_session["n"] = message["order"]

    def record(execute: Any, sql: str, params: Any, *args: Any) -> Any:
        left.append(sql.split()[0])
        return execute(sql, params, *args)

    send = chat.layer.send

    def record_send(channel: str, message: dict[str, Any]) -> None:
        left.append(message.get("text", "receipt"))
        send(channel, message)

    chat.layer.send = record_send  # type: ignore[method-assign]
    chat.decorate = lambda consumer: channel_session(enforce_ordering(consumer))
    chat.note = answer  # type: ignore[method-assign]
    chat.__post_init__()
    with connection.execute_wrapper(record):
        chat.consume(1)

    assert [what for what in left if what in ("INSERT", "1", "receipt")] == ["INSERT", "1", "INSERT", "receipt"]


def test_the_channel_is_full_when_the_next_one_is_called() -> None:
    """The worker insists, as for everything that a consumer sends; the message is not lost."""
    waiting = Waiting()
    chat = Chat(layer=MemoryLayer(capacity=5))
    chat.consume(2)
    chat.worker.patience = waiting.patience()
    chat.layer.queues[RECEIVE].extend(chat.message(order) for order in range(7, 12))
    waiting.meanwhile = chat.layer.queues[RECEIVE].clear

    chat.consume(1)

    assert waiting.waits
    assert chat.seen == [1, 2]


def test_the_database_goes_while_the_turn_is_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    """The consumer has ended and is not to blame; the log names the message that now waits until it is overdue."""
    chat = Chat()

    with broken():
        chat.consume(1)

    assert chat.seen == [1]
    assert f"message 2 of {chat.layer.reply_channel()} could not be told that it is its turn" in caplog.text
    assert "OperationalError: the database is gone" in caplog.text


@contextmanager
def broken() -> Iterator[None]:
    """A database that is gone."""

    def refuse(execute: Any, sql: str, *args: Any) -> Any:
        raise OperationalError("the database is gone")

    with connection.execute_wrapper(refuse):
        yield


@BOTH
def test_a_database_that_is_gone_is_named(kind: type[Chat], caplog: pytest.LogCaptureFixture) -> None:
    """Without it nobody knows whose turn it is: the consumer does not run, and the client is told."""
    chat = kind()

    with broken():
        chat.worker.consume(RECEIVE, chat.message(2))

    assert "note failed on a message on websocket.receive" in caplog.text
    assert "OperationalError: the database is gone" in caplog.text
    assert {"close": 1011, "status": 500}.items() <= chat.layer.sent(chat.layer.reply_channel())[0].items()
    assert chat.seen == []


@BOTH
def test_a_consumer_of_the_disconnect_that_minds_no_order(kind: type[Chat]) -> None:
    """The word left for it is removed with the session."""
    chat = kind()
    chat.consume(1)
    assert Session.objects.count() == 1

    run(channel_session(chat.note), Message(chat.message(2), DISCONNECT, chat.layer))

    assert Session.objects.count() == 0


def test_lost_messages_are_watched_for(watched: Overdue) -> None:
    """Only where one waits."""
    chat = Chat()
    chat.consume(1, 2)
    assert repr(watched) == "<Overdue [0 connections watched]>"

    chat.consume(4)

    assert repr(watched) == "<Overdue [1 connections watched]>"


def test_a_client_that_sends_much_too_fast_is_closed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits is bounded; the disconnect is still consumed in its turn."""
    monkeypatch.setattr(overdue, "MOST_WAITING", 2)
    chat = Chat()

    chat.consume(2, 3, 4)
    answers = chat.layer.sent(chat.layer.reply_channel())
    chat.consume(4, channel=DISCONNECT)
    chat.consume(1)

    assert answers[-1] == {"close": 1008, "consumed": 4}
    assert "too many of its messages wait for their turn" in caplog.text
    assert chat.seen == [1, 2, 3, 4]


@pytest.mark.parametrize("content", [{}, {"order": "1"}, {"order": None}])
def test_a_message_without_a_place(content: dict[str, Any], layer: MemoryLayer) -> None:
    """Is an error of whoever decorated its consumer."""
    with pytest.raises(ValueError, match="enforce_ordering only for messages of a WebSocket"):
        enforce_ordering(lambda message: None)(on(RECEIVE, **content))
    with pytest.raises(ValueError, match="no order and reply channel"):
        enforce_ordering(lambda message: None)(Message({"order": 1}, RECEIVE, layer))


def test_slight_ordering_is_gone() -> None:
    """The error names the cure."""
    with pytest.raises(ValueError, match="all ordering is strict now; remove slight"):
        enforce_ordering(slight=True)
