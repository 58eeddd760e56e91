"""What an interface server is promised by its layer, over real sockets: it is told, on its own thread."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from zmqlayer.exceptions import ChannelFull
from zmqlayer.ports import Loss, ServerLayer
from zmqlayer.twisted import ReactorLayer

WITHIN_S = 10.0


class QueueReactor:
    """A reactor whose turns are taken by the test: calls wait until somebody looks for what they cause."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()

    def callFromThread(self, callable: Callable[..., Any], *args: object) -> None:
        self._calls.put(lambda: callable(*args))

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object) -> None:
        self.callFromThread(callable, *args)

    def run_until(self, condition: Callable[[], object]) -> None:
        """Make calls until *condition* holds; fails after ten seconds."""
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            self._calls.get(timeout=max(0.0, deadline - time.monotonic()))()


@pytest.fixture
def reactor() -> QueueReactor:
    return QueueReactor()


@pytest.fixture
def worker(open_layer: Callable[..., Any]) -> Any:
    """A node that reads."""
    return open_layer(capacity=2)


@pytest.fixture
def server(open_layer: Callable[..., Any], worker: Any, reactor: QueueReactor) -> ServerLayer:
    """The layer of a server that is linked to the worker."""
    return ReactorLayer(open_layer(peers=(worker,), capacity=2), reactor)


def fill(server: ServerLayer, channel: str) -> None:
    """Send until the channel is full."""
    with pytest.raises(ChannelFull):
        for n in range(3):
            server.send(channel, {"n": n})


def wait_until(condition: Callable[[], object]) -> None:
    """Look again and again; fails after ten seconds."""
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_room_is_told_when_a_worker_reads(server: ServerLayer, worker: Any, reactor: QueueReactor) -> None:
    """The one that waits is called on the reactor's thread, and may send."""
    told: list[int] = []
    fill(server, "jobs")
    server.when_room("jobs", lambda: told.append(threading.get_ident()))

    taken = worker.receive(["jobs"], block=True, timeout=WITHIN_S)
    reactor.run_until(lambda: told)
    server.send("jobs", {"n": 9})

    assert (taken, told) == (("jobs", {"n": 0}), [threading.get_ident()])


def test_room_is_told_when_mail_is_read(server: ServerLayer, worker: Any, reactor: QueueReactor) -> None:
    """Of a process channel of another node its owner tells."""
    told: list[str] = []
    channel = worker.new_channel("worker.events!")
    fill(server, channel)
    server.when_room(channel, lambda: told.append("room"))

    worker.receive([channel], block=True, timeout=WITHIN_S)
    reactor.run_until(lambda: told)
    server.send(channel, {"n": 9})

    assert told == ["room"]


def test_the_loss_of_what_a_worker_took_is_told(server: ServerLayer, worker: Any, reactor: QueueReactor) -> None:
    """It read one message, and leaves without an answer; what was forgotten is not told."""
    losses: list[tuple[str, Loss]] = []
    server.entrust("jobs", {"n": 1}, lambda loss: losses.append(("answered", loss))).forget()
    server.entrust("jobs", {"n": 2}, lambda loss: losses.append(("open", loss)))
    for _ in range(2):
        worker.receive(["jobs"], block=True, timeout=WITHIN_S)

    worker.close()
    reactor.run_until(lambda: losses)

    assert losses == [("open", Loss.READER_GONE)]


def test_the_end_of_a_worker_is_told_to_who_follows_its_channel(
    server: ServerLayer, worker: Any, reactor: QueueReactor
) -> None:
    """Whoever follows another channel of it is told too."""
    told: list[str] = []
    for name in ("a", "b"):
        server.follow(worker.new_channel("worker.events!"), lambda name=name: told.append(name))  # type: ignore[misc]  # bound now

    worker.close()
    reactor.run_until(lambda: len(told) == 2)

    assert told == ["a", "b"]


def test_a_worker_hears_that_a_browser_left(server: ServerLayer, worker: Any, reactor: QueueReactor) -> None:
    """After its next message; the ones after that are dropped at once, and none is ever refused."""
    reply = server.open_channel("http.response!", lambda message: None)
    reply.close()
    before = worker.is_open(reply.name)
    worker.send(reply.name, {"n": 0})
    wait_until(lambda: not worker.is_open(reply.name))

    for n in range(10):
        worker.send(reply.name, {"n": n})

    assert before
    assert worker.statistics()["dropped: channel closed"] == 10


def test_readers_come_and_go(server: ServerLayer, worker: Any) -> None:
    """A worker that waits for a channel is known to the server, until it leaves."""
    before = server.has_reader("jobs")
    reader = threading.Thread(target=worker.receive, args=(["jobs"], True, WITHIN_S))
    reader.start()
    wait_until(lambda: server.has_reader("jobs"))
    server.send("jobs", {"n": 1})
    reader.join(WITHIN_S)
    busy = server.has_reader("jobs")
    worker.close()
    wait_until(lambda: not server.has_reader("jobs"))

    assert (before, busy) == (False, True)
