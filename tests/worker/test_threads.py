"""A worker's threads: as many as asked for, replaced when they die, stopped in order."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import pytest
from django.core.signals import request_started
from django.urls import get_script_prefix

from support.memory_layer import MemoryLayer
from support.worker_run import http_message, worker_for
from zmqlayer.worker import Message, route
from zmqlayer.worker.loop import ConsumerLoop
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.routing import Router
from zmqlayer.worker.threads import WorkerGroup
from zmqlayer.worker.worker import Worker


def group_for(layer: MemoryLayer, consumer: Any, n_threads: int = 2) -> WorkerGroup:
    """Threads that consume channel "a"."""
    return WorkerGroup(worker_for(layer, [route("a", consumer)]), n_threads, threading.Event(), time.monotonic)


def test_messages_are_consumed_at_once(layer: MemoryLayer) -> None:
    """Two threads handle two messages at the same time."""
    both = threading.Barrier(2, timeout=5)
    met: list[Message] = []

    def meet(message: Message) -> None:
        both.wait()
        met.append(message)

    group = group_for(layer, meet)
    group.start()
    layer.send("a", {})
    layer.send("a", {})
    while len(met) < 2:
        assert not group.wait(0.01)

    assert group.stop()
    assert repr(group) == "<WorkerGroup [0 of 2 threads]>"


@pytest.mark.parametrize(("name", "prefix"), [(None, "/"), ("", "/"), ("/shop", "/shop/")])
def test_links_of_consumers_begin_as_django_sets_it_up(
    layer: MemoryLayer, settings: Any, name: str | None, prefix: str
) -> None:
    """``FORCE_SCRIPT_NAME`` holds in each thread, and on the loop of coroutines, not only in that of the setup."""
    settings.FORCE_SCRIPT_NAME = name
    prefixes: queue.SimpleQueue[str] = queue.SimpleQueue()

    async def consume_on_loop(message: Message) -> None:
        prefixes.put(get_script_prefix())

    routes = [route("a", lambda message: prefixes.put(get_script_prefix())), route("b", consume_on_loop)]
    worker = worker_for(layer, routes, loop=ConsumerLoop(time.monotonic))
    group = WorkerGroup(worker, 1, threading.Event(), time.monotonic)
    group.start()
    layer.send("a", {})
    layer.send("b", {})

    assert [prefixes.get(timeout=5), prefixes.get(timeout=5)] == [prefix, prefix]
    assert group.stop()


@pytest.mark.parametrize(("name", "prefix"), [(None, "/"), ("", "/"), ("/shop", "/shop/")])
@pytest.mark.parametrize("path", ["/hello/", "/async/"])
def test_links_of_views_begin_there_too(
    layer: MemoryLayer, settings: Any, path: str, name: str | None, prefix: str
) -> None:
    """A request whose server names no path of its own adds nothing to that."""
    settings.FORCE_SCRIPT_NAME = name
    prefixes: queue.SimpleQueue[str] = queue.SimpleQueue()
    worker = worker_for(layer, [], loop=ConsumerLoop(time.monotonic))
    group = WorkerGroup(worker, 1, threading.Event(), time.monotonic)

    def started(**kwargs: Any) -> None:
        prefixes.put(get_script_prefix())

    request_started.connect(started)
    try:
        group.start()
        layer.send("http.request", http_message(layer, f"{name or ''}{path}"))

        assert prefixes.get(timeout=5) == prefix
        assert group.stop()
    finally:
        request_started.disconnect(started)


class Deadly(MemoryLayer):
    """A layer that ends the thread of its first reader."""

    is_deadly = True

    def receive(self, channels: Any, block: bool = False) -> Any:
        """Receive, but for the first time."""
        if self.is_deadly:
            self.is_deadly = False
            raise KeyboardInterrupt
        return super().receive(channels, block)


def test_a_thread_that_dies_is_replaced(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends a thread all the same does not end the worker."""
    monkeypatch.setattr("zmqlayer.worker.threads.REPLACE_AFTER_S", 0.01)
    consumed = threading.Event()
    layer = Deadly()
    group = group_for(layer, lambda message: consumed.set(), n_threads=1)
    group.start()
    layer.send("a", {})
    while not consumed.is_set():
        assert not group.wait(0.01)

    assert group.stop()
    assert "worker-1 died; another takes its place" in caplog.text


def test_the_current_message_is_finished(layer: MemoryLayer) -> None:
    """A stop waits for the consumers that run."""
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def consumer(message: Message) -> None:
        begun.set()
        may_end.wait(5)
        ended.set()

    group = group_for(layer, consumer)
    group.start()
    layer.send("a", {})
    begun.wait(5)
    group.request_stop()
    asked = group.wait()
    may_end.set()

    assert asked
    assert group.stop()
    assert ended.is_set()


def test_a_consumer_that_never_ends_is_cut_off(
    layer: MemoryLayer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop has a bound, whatever a consumer does."""
    monkeypatch.setattr("zmqlayer.worker.threads.GRACE_S", 0.05)
    monkeypatch.setattr("zmqlayer.worker.threads.GIVE_UP_S", 0.05)
    begun, release = threading.Event(), threading.Event()

    def consumer(message: Message) -> None:
        begun.set()
        release.wait(5)

    group = group_for(layer, consumer, n_threads=1)
    group.start()
    layer.send("a", {})
    begun.wait(5)

    assert not group.stop()
    assert "1 consumers did not end in time" in caplog.text
    release.set()


def test_waiting_for_a_slow_client_ends_at_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A response that waits for room is abandoned after the grace, and its thread ends."""
    monkeypatch.setattr("zmqlayer.worker.threads.GRACE_S", 0.05)
    layer, abandon = MemoryLayer(capacity=1), threading.Event()
    begun = threading.Event()

    def consumer(message: Message) -> None:
        begun.set()
        layer.send("b", {})
        worker.patience.insist(lambda: layer.send("b", {}), deadline=float("inf"))

    worker = Worker(layer, Router([route("a", consumer)]), patience=Patience(time.monotonic, abandon.wait))
    group = WorkerGroup(worker, 1, abandon, time.monotonic)
    group.start()
    layer.send("a", {})
    begun.wait(5)

    assert group.stop()


def test_a_layer_that_is_closed_ends_the_process(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """Without a layer there is nothing to wait for."""
    group = group_for(layer, print)
    group.start()
    layer.close()

    assert group.wait(5)
    assert group.stop()
    assert "the layer was closed under the worker" in caplog.text


def test_slow_clients_have_what_is_left_of_the_time(layer: MemoryLayer) -> None:
    """A worker that left at once would cut the responses that they are still taking."""
    group = WorkerGroup(worker_for(layer, []), 1, threading.Event(), time.monotonic, grace_s=7.0)
    group.start()

    group.stop()

    [(prefix, timeout)] = layer.waits
    assert prefix == "http.response."
    assert 0 < timeout <= 7.0
