"""
How the operating system schedules the threads that move frames, where processors are busy.

Linux lets a thread that has just been woken interrupt the one that runs. One that works in batches (``SCHED_BATCH``)
waits its turn, and finds all that has gathered meanwhile; see ``docs/decisions/073-threads-that-wait-their-turn.md``.
"""

from __future__ import annotations

import os
import sys

__all__ = ["may_wait_its_turn", "wait_its_turn"]


def may_wait_its_turn() -> bool:
    """
    Whether a thread of this process may be scheduled as one that works in batches. Only Linux knows such threads.

    It is tried, with this thread, since libzmq ends the process if it is refused.
    """
    if sys.platform != "linux" or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return False  # whoever started this process has decided
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except OSError:  # a sandbox may refuse it
        return False
    return True


def wait_its_turn() -> None:
    """Let this thread interrupt nobody from now on, where that is possible."""
    if may_wait_its_turn():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
