"""The store in the database: once, in time, and with few queries. On SQLite, and on PostgreSQL where there is one."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from support.databases import end_connection, in_thread, on_postgres, statements
from support.delay_run import START, TimedLayer, delayed, numbers
from zmqlayer.worker.delay.database import BATCH, DatabaseStore, utc_now
from zmqlayer.worker.delay.delayed import Delayed
from zmqlayer.worker.delay.models import DelayedMessage
from zmqlayer.worker.delay.stores import StoreUnavailable

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def watch() -> TimedLayer:
    """Time that only the test moves."""
    return TimedLayer()


@pytest.fixture
def store(watch: TimedLayer) -> DatabaseStore:
    """A store that looks at the table every five seconds."""
    return new_store(watch)


def new_store(watch: TimedLayer, alias: str = "default") -> DatabaseStore:
    """Another server's store on the same table."""
    return DatabaseStore(alias, 5.0, watch.clock, watch.today)


def take(store: DatabaseStore) -> list[int]:
    """Take what is due."""
    return numbers(list(store.take()))


def test_it_keeps_until_due(store: DatabaseStore, watch: TimedLayer) -> None:
    """A message comes out when it is due, and its row is gone by then."""
    store.add(delayed(1), 2.0)
    watch.passed_s = 1.9

    assert take(store) == []
    assert store.wait_s() == pytest.approx(0.1)

    watch.passed_s = 2.0
    taken = []
    for message in store.take():
        assert not DelayedMessage.objects.exists()
        taken.append(message)
    assert numbers(taken) == [1]


def test_a_restart_changes_nothing(store: DatabaseStore, watch: TimedLayer) -> None:
    """What one server kept, the next one finds."""
    store.add(Delayed(delayed().channel, delayed(7).body, tries=3), 1.0)
    store.close()
    watch.passed_s = 100.0

    (message,) = new_store(watch).take()

    assert (message.channel, message.content(), message.tries) == ("reminders", {"number": 7}, 3)


def test_the_oldest_first(store: DatabaseStore, watch: TimedLayer) -> None:
    """Messages come out by time, however many they are."""
    for number in range(BATCH + 5):
        store.add(delayed(number), 60.0 - number / 10)
    watch.passed_s = 60.0

    assert take(store) == list(reversed(range(BATCH + 5)))


def test_each_layer_has_its_own(store: DatabaseStore, watch: TimedLayer) -> None:
    """Servers of two layers share the table and not the messages."""
    other = new_store(watch, "other")
    store.add(delayed(1), 1.0)
    other.add(delayed(2), 1.0)
    watch.passed_s = 1.0

    assert (take(store), take(other)) == ([1], [2])


def test_idle_costs_one_query_for_each_look(store: DatabaseStore, watch: TimedLayer) -> None:
    """Nobody is asked a hundred times a second: in a minute there are twelve looks."""
    with statements() as words:
        while watch.passed_s < 60.0:
            assert take(store) == []
            watch.passed_s += max(store.wait_s(), 0.001)

    assert words == ["SELECT"] * 12


def test_the_next_one_is_waited_for(store: DatabaseStore, watch: TimedLayer) -> None:
    """A server that starts learns from the table when the next message is due, and looks then."""
    new_store(watch).add(delayed(), 2.5)
    take(store)

    assert store.wait_s() == pytest.approx(2.5)


def test_a_new_message_may_be_the_next(store: DatabaseStore, watch: TimedLayer) -> None:
    """What is added is waited for without another look."""
    take(store)
    store.add(delayed(), 1.5)
    store.add(delayed(), 3.0)

    with statements() as words:
        assert store.wait_s() == pytest.approx(1.5)
    assert words == []


def test_rows_of_others_are_found(store: DatabaseStore, watch: TimedLayer) -> None:
    """A row that a view inserted is found at the next look."""
    take(store)
    DelayedMessage.objects.keep(delayed(4), START + timedelta(seconds=1))
    watch.passed_s += store.wait_s()

    assert watch.passed_s == 5.0
    assert take(store) == [4]


def test_a_jump_of_the_wall_clock_is_noticed(store: DatabaseStore, watch: TimedLayer) -> None:
    """Dates are compared with the time of day at every look, so a clock set forward is obeyed at the next one."""
    store.add(delayed(1), 3_600.0)
    take(store)
    store.now = lambda: START + timedelta(hours=1)
    watch.passed_s += store.wait_s()

    assert watch.passed_s == 5.0
    assert take(store) == [1]


@pytest.mark.parametrize("use_tz", [True, False])
def test_dates_are_in_utc(store: DatabaseStore, watch: TimedLayer, settings: Any, use_tz: bool) -> None:
    """Whatever the project's time zone, an hour and a half last as long in the night the clocks go forward."""
    settings.TIME_ZONE = "Europe/Berlin"
    settings.USE_TZ = use_tz
    store.add(delayed(1), 5_400.0)
    watch.passed_s = 5_399.0
    early = take(new_store(watch))
    watch.passed_s = 5_400.0

    assert (early, take(new_store(watch))) == ([], [1])


def test_an_unsure_insert_is_made_once(store: DatabaseStore, watch: TimedLayer) -> None:
    """An insert whose answer was lost is tried again; the row that is there already counts."""
    message = delayed(1)
    store.add(message, 1.0)
    store.add(message, 1.0)
    watch.passed_s = 1.0

    assert take(store) == [1]


def test_servers_share_the_work(store: DatabaseStore) -> None:
    """Four servers that take from one table at once never take the same message, and leave none."""
    for number in range(80):
        store.add(delayed(number), -1.0)
    begin = threading.Barrier(4)
    taken: list[list[int]] = []

    def serve() -> None:
        own = DatabaseStore("default", 5.0, time.monotonic, lambda: START + timedelta(hours=1))
        begin.wait(10)
        try:
            taken.append(take(own))
        finally:
            own.close()

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(taken) == 4
    assert sorted(number for part in taken for number in part) == list(range(80))


@on_postgres
def test_locked_rows_are_passed_over(store: DatabaseStore, watch: TimedLayer) -> None:
    """While one server holds the rows it is about to delete, another takes the rest at once, and those not at all."""
    for number in range(4):
        store.add(delayed(number), 1.0 + number)
    store.close()
    watch.passed_s = 10.0

    with transaction.atomic():
        held = DelayedMessage.objects.is_due(watch.today()).select_for_update(skip_locked=True)[:2]
        assert len(held) == 2
        others = in_thread(lambda: take(new_store(watch)))
        assert others == [2, 3]
        DelayedMessage.objects.filter(key__in=[row.key for row in held]).delete()

    assert not DelayedMessage.objects.exists()


@on_postgres
def test_a_connection_that_was_ended(store: DatabaseStore, watch: TimedLayer) -> None:
    """The server ends the connection: that is said once, and the next try has a new connection and loses nothing."""
    message = delayed(1)
    end_connection()
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        store.add(message, 1.0)
    store.add(message, 1.0)
    watch.passed_s = 1.0
    end_connection()
    with pytest.raises(StoreUnavailable):
        take(store)

    assert take(store) == [1]


def test_a_database_that_does_not_answer(store: DatabaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is told as one of ours, with its first line."""

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the disk is gone\nand more")

    monkeypatch.setattr("zmqlayer.worker.delay.database.DelayedMessages.first", fail)

    with pytest.raises(StoreUnavailable, match=r"^the delayed messages cannot be reached: the disk is gone$"):
        list(store.take())


def test_a_table_that_is_missing(store: DatabaseStore) -> None:
    """At the start the cure is named."""
    store.check()
    with connection.schema_editor() as editor:
        editor.delete_model(DelayedMessage)
    try:
        with pytest.raises(StoreUnavailable, match=r"run 'manage.py migrate', or use --memory"):
            store.check()
    finally:
        with connection.schema_editor() as editor:
            editor.create_model(DelayedMessage)


def test_it_closes_what_it_opened(store: DatabaseStore) -> None:
    """At the end of a server its thread has no connection any more."""
    take(store)
    store.close()

    assert connections["default"].connection is None


def test_it_says_how_it_stands(store: DatabaseStore) -> None:
    """The representation names the layer, the database and the next look."""
    take(store)

    assert repr(store) == "<DatabaseStore of 'default' in 'default' [looks in 5.000 s]>"
    assert utc_now().tzinfo is not None
