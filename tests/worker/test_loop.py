"""The event loop of a worker: long-lived, bounded, stopped in order."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Iterator

import pytest

from support.memory_layer import MemoryLayer
from support.worker_run import worker_for
from zmqlayer.worker import Message, route
from zmqlayer.worker.loop import ConsumerLoop
from zmqlayer.worker.threads import WorkerGroup

colour: contextvars.ContextVar[str] = contextvars.ContextVar("colour")
WITHIN_S = 5.0


@pytest.fixture
def loop() -> Iterator[ConsumerLoop]:
    """A loop for two at once."""
    loop = ConsumerLoop(time.monotonic, limit=2)
    yield loop
    loop.stop(0)


def test_all_run_on_one_loop_each_in_its_context(loop: ConsumerLoop) -> None:
    """What belongs to a loop, such as a pool of connections, can be kept from message to message."""
    seen: list[tuple[str, asyncio.AbstractEventLoop]] = []

    async def note() -> None:
        seen.append((colour.get(), asyncio.get_running_loop()))

    for name in ("red", "blue"):
        context = contextvars.copy_context()
        context.run(colour.set, name)
        loop.spawn(note(), context)

    assert loop.stop(WITHIN_S)
    assert [name for name, _ in seen] == ["red", "blue"]
    assert len({id(running) for _, running in seen}) == 1


def test_who_brings_too_many_waits(loop: ConsumerLoop) -> None:
    """The worker takes no more messages than it can begin."""
    may_end, third = threading.Event(), threading.Event()

    async def wait() -> None:
        while not may_end.is_set():
            await asyncio.sleep(0)

    async def note() -> None:
        third.set()

    for _ in range(2):
        loop.spawn(wait(), contextvars.copy_context())
    bringing = threading.Thread(target=lambda: loop.spawn(note(), contextvars.copy_context()))
    bringing.start()
    bringing.join(0.05)
    waited = bringing.is_alive() and not third.is_set()
    may_end.set()
    bringing.join(WITHIN_S)

    assert waited
    assert repr(loop).endswith("of at most 2 running]>")
    assert third.wait(WITHIN_S)


@pytest.mark.parametrize("was_used", [True, False])
def test_who_comes_after_the_end_is_cut_off(
    loop: ConsumerLoop, was_used: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread may bring a coroutine while the worker stops: it does not run, and nobody waits for it."""
    begun = threading.Event()

    async def note() -> None:
        begun.set()

    if was_used:
        loop.spawn(asyncio.sleep(0), contextvars.copy_context())
    assert loop.stop(WITHIN_S)

    loop.spawn(note(), contextvars.copy_context())

    assert loop.stop(0)
    assert not begun.is_set()
    assert "had stopped, and is cut off" in caplog.text


def test_who_does_not_end_is_cancelled(loop: ConsumerLoop) -> None:
    """Its ``finally`` still runs."""
    begun, cleaned = threading.Event(), threading.Event()

    async def stay() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    loop.spawn(stay(), contextvars.copy_context())
    assert begun.wait(WITHIN_S)

    assert not loop.stop(0)
    assert cleaned.is_set()


def test_a_loop_that_was_never_needed_costs_no_thread() -> None:
    """Workers without coroutines have none."""
    before = threading.active_count()
    loop = ConsumerLoop(time.monotonic)

    assert loop.stop(0)
    assert threading.active_count() == before


def test_an_error_of_ours_is_logged(loop: ConsumerLoop, caplog: pytest.LogCaptureFixture) -> None:
    """A coroutine that raises all the same ends neither the loop nor silently."""

    async def fail() -> None:
        raise RuntimeError("broken")

    loop.spawn(fail(), contextvars.copy_context())

    assert loop.stop(WITHIN_S)
    assert "RuntimeError: broken" in caplog.text


def test_one_thread_runs_many_coroutines(layer: MemoryLayer) -> None:
    """A worker with one thread has as many coroutines under way as its loop takes, and ends them before it stops."""
    together = 20
    met: list[int] = []
    all_here = asyncio.Event()

    async def meet(message: Message) -> None:
        met.append(message["n"])
        if len(met) == together:
            all_here.set()
        await all_here.wait()
        await asyncio.sleep(0)
        layer.send("done", {"n": message["n"]})

    worker = worker_for(layer, [route("a", meet)], loop=ConsumerLoop(time.monotonic, limit=together))
    group = WorkerGroup(worker, 1, threading.Event(), time.monotonic, grace_s=WITHIN_S)
    group.start()
    for n in range(together):
        layer.send("a", {"n": n})
    while len(met) < together:
        assert not group.wait(0.01)

    assert group.stop()
    assert sorted(message["n"] for message in layer.sent("done")) == list(range(together))


def test_a_coroutine_that_never_ends_is_cut_off(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """A stop has a bound, and the log names who was cut off."""
    begun = threading.Event()

    async def stay(message: Message) -> None:
        begun.set()
        await asyncio.Event().wait()

    worker = worker_for(layer, [route("a", stay)], loop=ConsumerLoop(time.monotonic))
    group = WorkerGroup(worker, 1, threading.Event(), time.monotonic, grace_s=0)
    group.start()
    layer.send("a", {})
    assert begun.wait(WITHIN_S)

    assert not group.stop()
    assert "stay did not end in time and is cut off" in caplog.text
