"""Waiters: who sleeps is woken, once or twice, from any thread, or is known to be gone."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from typing import Any

import pytest

from zmqlayer.waiters import LoopWaiter, ThreadWaiter, Waiter, wake_all


class CountingLoop(asyncio.SelectorEventLoop):
    """An event loop that counts how often another thread rings it."""

    rings = 0

    def call_soon_threadsafe(self, *args: Any, **options: Any) -> asyncio.Handle:  # type: ignore[override]  # any
        self.rings += 1
        return super().call_soon_threadsafe(*args, **options)


def on_another_thread(call: Callable[[], object]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def test_a_thread_is_woken() -> None:
    """A thread that sleeps for ever is woken by another."""
    waiter = ThreadWaiter()
    woken: list[bool] = []
    sleeper = threading.Thread(target=lambda: woken.append(waiter.wait(math.inf)))
    sleeper.start()

    assert waiter.wake()
    sleeper.join()

    assert woken == [True]


def test_a_thread_sleeps_no_longer_than_told() -> None:
    """Without a wake the time passes, and the thread knows."""
    assert not ThreadWaiter().wait(0)
    assert not ThreadWaiter().wait(0.001)


@pytest.mark.parametrize("timeout_s", [-0.001, -1, -math.inf])
def test_what_is_left_of_a_time_that_is_over_is_none(timeout_s: float) -> None:
    """A deadline that has passed meanwhile is no reason to sleep for ever."""
    waiter = ThreadWaiter()
    in_the_end = threading.Timer(5.0, waiter.wake)
    in_the_end.start()

    was_woken = waiter.wait(timeout_s)
    in_the_end.cancel()

    assert not was_woken


@pytest.mark.parametrize("timeout_s", [0, 1.0, -1, 1e12, math.inf])
def test_a_wake_before_the_sleep_counts(timeout_s: float) -> None:
    """A thread that was woken already does not sleep, however long it was ready to."""
    waiter = ThreadWaiter()
    waiter.wake()

    assert waiter.wait(timeout_s)


def test_a_thread_may_be_woken_twice() -> None:
    """A second wake is one and the same: it is no error, and wakes nobody later."""
    waiter = ThreadWaiter()

    assert waiter.wake()
    assert waiter.wake()

    assert waiter.wait(0)
    assert not waiter.wait(0)


def test_a_coroutine_is_woken_from_any_thread() -> None:
    """A coroutine is woken by its own loop's thread and by others."""

    async def sleep(wake: Callable[[LoopWaiter], object]) -> None:
        waiter = LoopWaiter(asyncio.get_running_loop())
        wake(waiter)
        await waiter.future

    asyncio.run(sleep(lambda waiter: waiter.wake()))
    asyncio.run(sleep(lambda waiter: on_another_thread(waiter.wake)))
    asyncio.run(sleep(lambda waiter: on_another_thread(lambda: wake_all([waiter]))))


def test_a_coroutine_may_be_woken_twice() -> None:
    """A second wake, or one after the coroutine was cancelled, changes nothing."""

    async def sleep() -> None:
        waiter, cancelled = (LoopWaiter(asyncio.get_running_loop()) for _ in range(2))
        cancelled.future.cancel()
        assert waiter.wake()
        assert waiter.wake()
        assert cancelled.wake()
        await waiter.future

    asyncio.run(sleep())


def test_a_closed_loop_is_reported() -> None:
    """A waiter whose loop is closed cannot be woken, and that is said, not raised."""
    loop = asyncio.new_event_loop()
    waiter = LoopWaiter(loop)
    loop.close()

    assert not waiter.wake()
    assert wake_all([waiter]) == [waiter]


def test_each_loop_rings_once() -> None:
    """However many coroutines of a loop are woken, other threads ring it once for all of them."""
    loop = CountingLoop()
    waiters = [LoopWaiter(loop) for _ in range(5)]

    on_another_thread(lambda: wake_all(waiters))
    loop.run_until_complete(asyncio.wait_for(waiters[-1].future, 5))
    loop.close()

    assert loop.rings == 1
    assert all(waiter.future.done() for waiter in waiters)


def test_the_dead_do_not_stop_the_others() -> None:
    """Those that cannot be woken are returned, and everybody else is awake."""

    class Deaf(Waiter):
        def wake(self) -> bool:
            return False

    closed, loop = asyncio.new_event_loop(), asyncio.new_event_loop()
    dead, living, deaf, thread = LoopWaiter(closed), LoopWaiter(loop), Deaf(), ThreadWaiter()
    closed.close()

    failed = wake_all([dead, deaf, living, thread])
    loop.run_until_complete(asyncio.wait_for(living.future, 5))
    loop.close()

    assert failed == [deaf, dead]
    assert thread.wait(0)


def test_a_waiter_says_how_it_wakes() -> None:
    """The base class leaves it to others how to wake."""
    with pytest.raises(NotImplementedError):
        Waiter().wake()
