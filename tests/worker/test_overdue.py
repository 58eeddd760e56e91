"""Messages that wait for one that is lost: after a while the connection goes on without it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection

from support.memory_layer import MemoryLayer
from support.worker_run import Waiting
from zmqlayer.worker.overdue import LONGEST_WAIT_S, Overdue
from zmqlayer.worker.parking import TURN, Place

pytestmark = pytest.mark.usefixtures("database")

RECEIVE = "websocket.receive"


class Process:
    """A worker process that puts messages aside and looks after them when the test says so."""

    def __init__(self, layer: MemoryLayer, waiting: Waiting) -> None:
        self.layer = layer
        self.waiting = waiting
        self.runs: list[Callable[[], None]] = []
        self.overdue = Overdue(waiting.patience(), self.runs.append)

    def put_aside(self, *orders: int, local: str = "browser") -> None:
        """Have messages come too early."""
        name = self.layer.reply_channel(local)
        for order in orders:
            assert not Place(name, order).claim(RECEIVE, {"order": order, "reply_channel": name})
            self.overdue.watch(self.layer, name, order)

    def look_for(self, seconds: float) -> list[int]:
        """Look at the beginning and the end of the time; returns what was sent on."""
        self.overdue.look()
        self.waiting.now += seconds
        self.overdue.look()
        sent = self.layer.sent(RECEIVE)
        assert all(message[TURN] for message in sent)
        return [message["order"] for message in sent]


@pytest.fixture
def process(layer: MemoryLayer) -> Process:
    """A worker process."""
    return Process(layer, Waiting())


def test_a_lost_message_is_not_waited_for_for_ever(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    """After thirty seconds the one behind it is sent on, with a warning that names it."""
    process.put_aside(4)

    early = process.look_for(LONGEST_WAIT_S - 1)
    process.waiting.now += 1
    process.overdue.look()

    assert early == []
    assert [message["order"] for message in process.layer.sent(RECEIVE)] == [4]
    assert f"message 3 of {process.layer.reply_channel()} was not consumed within 30 s, or is lost" in caplog.text


def test_those_behind_wait_on(process: Process) -> None:
    """Only the first one of those that wait goes; the others are called by its end as ever."""
    process.put_aside(6, 5, 4)

    assert process.look_for(LONGEST_WAIT_S) == [4]
    assert process.look_for(LONGEST_WAIT_S - 1) == []
    called = Place(process.layer.reply_channel(), 5).call()
    assert called is not None
    assert called.content["order"] == 5


def test_two_messages_are_lost(process: Process) -> None:
    """Each has its time."""
    process.put_aside(4, 6)

    assert process.look_for(LONGEST_WAIT_S) == [4]
    assert process.look_for(LONGEST_WAIT_S) == [6]


def test_a_connection_that_moves_is_left_alone(process: Process) -> None:
    """Whoever is first in the queue has the whole time."""
    process.put_aside(2, 3)
    process.look_for(LONGEST_WAIT_S - 1)

    Place(process.layer.reply_channel(), 2).call()

    assert process.look_for(LONGEST_WAIT_S - 1) == []
    assert process.look_for(LONGEST_WAIT_S) == [3]


def test_what_does_not_wait_any_more_is_forgotten(process: Process) -> None:
    """And the looking ends, until the next message is put aside."""
    process.put_aside(2)
    assert process.overdue.look()

    Place(process.layer.reply_channel(), 2).call()

    assert not process.overdue.look()
    assert len(process.runs) == 1
    process.put_aside(3)
    assert len(process.runs) == 2


def test_others_put_the_first_one_aside(layer: MemoryLayer) -> None:
    """A process that was killed: whoever watches a later message sends the first one on, which is kept in its row."""
    killed, alive = Process(layer, Waiting()), Process(layer, Waiting())
    killed.put_aside(4)
    alive.put_aside(5)

    assert alive.look_for(LONGEST_WAIT_S) == [4]


def test_two_processes_notice_at_once(layer: MemoryLayer) -> None:
    """The message is sent on once."""
    processes = [Process(layer, Waiting()) for _ in range(2)]
    processes[0].put_aside(4)
    processes[1].put_aside(5)

    for process in processes:
        process.overdue.look()
        process.waiting.now += LONGEST_WAIT_S
    for process in processes:
        process.overdue.look()

    assert [message["order"] for message in layer.sent(RECEIVE)] == [4]


def test_somebody_died_while_taking_the_message(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the dead for ever either."""
    from zmqlayer.worker.stores import Row

    process.put_aside(4)

    def die(row: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(Row, "read", die)
        Place(process.layer.reply_channel(), 4).take()

    assert process.look_for(LONGEST_WAIT_S) == []
    assert process.look_for(2.0) == [4]


def test_connections_are_apart(process: Process) -> None:
    """Each has its own time."""
    process.put_aside(4, local="ada")
    process.look_for(LONGEST_WAIT_S / 2)
    process.put_aside(8, local="bob")

    assert process.look_for(LONGEST_WAIT_S / 2) == [4]
    assert repr(process.overdue) == "<Overdue [2 connections watched]>"
    process.overdue.look()
    assert repr(process.overdue) == "<Overdue [1 connections watched]>"


def test_the_database_is_away(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and looked at again when it is back."""
    process.put_aside(4)

    def refuse(execute: Any, *args: Any) -> Any:
        raise OperationalError("the database is gone")

    with connection.execute_wrapper(refuse):
        assert process.overdue.look()

    assert "OperationalError: the database is gone" in caplog.text
    assert process.look_for(LONGEST_WAIT_S) == [4]


def test_the_channel_stays_full(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be sent on for two seconds is dropped, with a warning."""
    process.layer.capacity = 0
    process.put_aside(4)

    assert process.look_for(LONGEST_WAIT_S) == []

    assert "dropped a message that had waited for its turn" in caplog.text
    assert not process.overdue.look()


def test_it_looks_from_a_thread_of_its_own(layer: MemoryLayer) -> None:
    """Which ends when there is nothing to look after."""
    looks = threading.Semaphore(0)
    waiting = Waiting(meanwhile=looks.release)
    overdue = Overdue(waiting.patience())
    name = layer.reply_channel()

    overdue.watch(layer, name, 4)

    assert looks.acquire(timeout=5)
    threads = [thread for thread in threading.enumerate() if thread.name == "overdue-messages"]
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)
    assert repr(overdue) == "<Overdue [0 connections watched]>"
