"""How threads that move messages are scheduled."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from zmqlayer.scheduling import may_wait_its_turn, wait_its_turn

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows threads that work in batches")


def policy_after(call: Callable[[], object]) -> int:
    """Return how a thread of its own is scheduled when it has made a call."""

    def look() -> int:
        call()
        return os.sched_getscheduler(0)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(look).result()


def test_a_thread_waits_its_turn() -> None:
    """That thread, and no other; to ask whether it may changes nothing."""
    assert policy_after(wait_its_turn) == os.SCHED_BATCH
    assert policy_after(may_wait_its_turn) == os.SCHED_OTHER
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_what_others_decided_stays() -> None:
    """A process that was started with a policy of its own keeps it, in all its threads."""

    def decided() -> None:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        assert not may_wait_its_turn()
        wait_its_turn()

    assert policy_after(decided) == os.SCHED_IDLE


def test_a_sandbox_may_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the thread is scheduled as all are, and nobody hears of it."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)

    assert policy_after(wait_its_turn) == os.SCHED_OTHER
