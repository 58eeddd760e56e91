"""
Consumers and a real database: sessions that two create at once, connections that are kept, and connections that end.

On SQLite always; on PostgreSQL with ``.ci/with-postgres make test ARGS=tests/worker``, as CI does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import connection, connections, transaction

from support.databases import end_connection, on_postgres, server_process, statements
from support.memory_layer import MemoryLayer
from support.worker_run import worker_for
from zmqlayer.worker import Channel, Message, channel_session, route
from zmqlayer.worker.sessions import session_for_reply_channel

pytestmark = pytest.mark.usefixtures("database")


def in_threads(*acts: Callable[[], object]) -> None:
    """Run all at once, each in a thread with database connections of its own."""

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("channel", ["websocket.connect", "websocket.receive"])
def test_two_consumers_create_one_session_at_once(layer: MemoryLayer, channel: str) -> None:
    """Two workers have each a message of one new connection: the session has what both put into it."""
    both_are_inside = threading.Barrier(2)

    @channel_session
    def remember(message: Message) -> None:
        message.channel_session[message["text"]] = True
        both_are_inside.wait(10)

    def consume(text: str) -> Callable[[], None]:
        content = {"reply_channel": layer.reply_channel(), "text": text}
        return lambda: worker_for(layer, [route(channel, remember)]).consume(channel, content)

    in_threads(consume("ada"), consume("bob"))

    assert dict(session_for_reply_channel(layer.reply_channel()).items()) == {"ada": True, "bob": True}
    assert Session.objects.count() == 1


def test_consumers_do_not_wait_for_each_other(layer: MemoryLayer) -> None:
    """A consumer that reads in a transaction sees what another committed before, and holds up nobody."""
    seen: list[int] = []

    def count(message: Message) -> None:
        with transaction.atomic():
            seen.append(Session.objects.count())

    @channel_session
    def remember(message: Message) -> None:
        message.channel_session["said"] = "hello"

    worker = worker_for(layer, [route("count", count), route("remember", remember)])
    worker.consume("remember", {"reply_channel": layer.reply_channel()})

    in_threads(lambda: worker.consume("count", {}), lambda: worker.consume("count", {}))

    assert seen == [1, 1]


def test_sent_on_commit(layer: MemoryLayer) -> None:
    """What is sent on commit leaves if the transaction commits, and not if it rolls back."""

    def work(message: Message) -> None:
        with transaction.atomic():
            Channel("done", channel_layer=layer).send({"number": message["number"]}, on_commit=True)
            transaction.set_rollback(message["number"] == 2)

    worker = worker_for(layer, [route("work", work)])
    for number in (1, 2, 3):
        worker.consume("work", {"number": number})

    assert layer.sent("done") == [{"number": 1}, {"number": 3}]


@pytest.fixture
def keep() -> Iterator[Callable[..., None]]:
    """Set how long connections are kept, and whether they are tried before they are used again."""
    before = dict(connection.settings_dict)

    def change(max_age: int | None, is_checked: bool) -> None:
        connection.settings_dict.update(CONN_MAX_AGE=max_age, CONN_HEALTH_CHECKS=is_checked)
        close_all()

    yield change
    close_all()
    connection.settings_dict.update(before)


def close_all() -> None:
    """Close the connections of this thread, and of the one where Django runs the queries of coroutines."""
    connections.close_all()
    asyncio.run(sync_to_async(connections.close_all)())


def count(message: Message) -> None:
    """Count rows."""
    Channel("done", channel_layer=message.channel_layer).send({"count": Session.objects.count()})


def whom(message: Message) -> None:
    """Say which process of PostgreSQL serves this consumer."""
    Channel("done", channel_layer=message.channel_layer).send({"pid": server_process()})


async def whom_later(message: Message) -> None:
    """Say the same from a coroutine, whose queries run in a thread that Django chooses."""
    await Channel("done", channel_layer=message.channel_layer).asend({"pid": await sync_to_async(server_process)()})


@pytest.mark.parametrize(("max_age", "is_kept"), [(0, False), (600, True), (None, True)])
def test_connections_are_kept_as_django_keeps_them(
    layer: MemoryLayer, keep: Callable[..., None], max_age: int | None, is_kept: bool
) -> None:
    """CONN_MAX_AGE means for consumers what it means for requests."""
    keep(max_age, False)

    worker_for(layer, [route("count", count)]).consume("count", {})

    assert (connection.connection is not None) is is_kept


class Asked:
    """A worker whose consumer says which process of PostgreSQL served it."""

    def __init__(self, layer: MemoryLayer, consumer: Any) -> None:
        self.layer = layer
        self.worker = worker_for(layer, [route("whom", consumer)])

    def once(self) -> int | None:
        """Consume a message; None if the consumer failed."""
        self.worker.consume("whom", {})
        return next((content["pid"] for content in self.layer.sent("done")), None)


@on_postgres
@pytest.mark.parametrize("consumer", [whom, whom_later])
def test_the_server_ends_a_connection_between_two_messages(
    layer: MemoryLayer, keep: Callable[..., None], consumer: Any
) -> None:
    """With CONN_HEALTH_CHECKS the next message gets a new connection and is none the wiser."""
    keep(600, True)
    asked = Asked(layer, consumer)
    first, kept = asked.once(), asked.once()
    end_connection(first)

    after = asked.once()

    assert first == kept
    assert after not in (None, first)


@on_postgres
@pytest.mark.parametrize("consumer", [whom, whom_later])
def test_the_server_ends_a_connection_that_is_not_checked(
    layer: MemoryLayer, keep: Callable[..., None], consumer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the check one message fails, which is logged, and the one after it works: as with requests."""
    keep(600, False)
    asked = Asked(layer, consumer)
    first = asked.once()
    end_connection(first)

    failed, after = asked.once(), asked.once()

    assert failed is None
    assert "terminating connection" in caplog.text
    assert after not in (None, first)


@on_postgres
def test_the_server_ends_the_connection_of_a_running_consumer(
    layer: MemoryLayer, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that ends inside a transaction fails that consumer only."""

    def fail(message: Message) -> None:
        with transaction.atomic():
            Session.objects.count()
            end_connection()
            Session.objects.count()

    worker = worker_for(layer, [route("fail", fail), route("count", count)])

    worker.consume("fail", {})
    worker.consume("count", {})

    assert layer.sent("done") == [{"count": 0}]
    assert "fail failed on a message on fail" in caplog.text


def test_a_message_that_needs_no_database_asks_none(layer: MemoryLayer) -> None:
    """Closing and checking connections costs a consumer that uses none no query."""
    worker = worker_for(layer, [route("idle", lambda message: None)])

    with statements() as words:
        worker.consume("idle", {})

    assert words == []
