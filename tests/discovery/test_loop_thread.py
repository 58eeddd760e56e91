"""The loop on which zeroconf works: there from the first user to the last."""

from __future__ import annotations

import asyncio
import threading

import pytest

from zmqlayer.discovery.loop_thread import LoopThread


def test_users_share_a_loop_that_ends_with_the_last() -> None:
    """A function is called where it runs; what comes after them has another one."""
    loop_thread = LoopThread()
    for _ in range(2):
        loop_thread.enter()
    first = loop_thread.call(asyncio.get_running_loop)

    loop_thread.leave()
    assert loop_thread.call(asyncio.get_running_loop) is first
    loop_thread.leave()
    assert first.is_closed()

    loop_thread.enter()
    assert loop_thread.call(asyncio.get_running_loop) is not first
    loop_thread.leave()


def test_what_fails_on_the_loop_fails_for_the_caller() -> None:
    """And for nobody else."""
    loop_thread = LoopThread()
    loop_thread.enter()

    with pytest.raises(ZeroDivisionError):
        loop_thread.call(lambda: 1 // 0)

    assert loop_thread.call(lambda: 1) == 1
    loop_thread.leave()


def test_a_thread_that_cannot_start_has_no_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one tries again."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    loop_thread = LoopThread()
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(threading.Thread, "start", refuse)
        loop_thread.enter()

    loop_thread.enter()

    assert loop_thread.call(lambda: 1) == 1
    loop_thread.leave()
