"""The loop on which zeroconf works: there from the first user to the last."""

from __future__ import annotations

import asyncio
import errno
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


def test_a_loop_that_could_not_be_opened_is_opened_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without a descriptor to spare may have some again; nobody is held up meanwhile."""

    def refuse() -> asyncio.AbstractEventLoop:
        raise OSError(errno.EMFILE, "Too many open files")

    loop_thread = LoopThread()
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", refuse)
        for _ in range(2):
            loop_thread.enter()
        loop_thread.leave()
        with pytest.raises(OSError, match="Too many open files"):
            loop_thread.call(lambda: 1)

    assert loop_thread.call(lambda: 1) == 1
    loop_thread.leave()


def test_who_leaves_at_once_leaves_nothing() -> None:
    """The loop ends although it has hardly begun."""
    loop_thread = LoopThread()
    for _ in range(100):
        loop_thread.enter()
        loop_thread.leave()

    assert not [thread for thread in threading.enumerate() if thread.name == "zmqlayer-mdns-loop"]
