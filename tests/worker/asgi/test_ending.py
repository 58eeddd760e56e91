"""The end of a process, in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, concurrent.futures, logging, threading, time
from zmqlayer.worker.asgi import ending
logging.basicConfig(format="%(message)s")
atexit.register(print, "the exit was told")
"""
IDLE = """
concurrent.futures.ThreadPoolExecutor().submit(time.monotonic).result()
"""
STUCK = """
ending.WITHIN_S = 0.01
concurrent.futures.ThreadPoolExecutor().submit(threading.Event().wait)
"""
STUCK_BELOW_A_DAEMON = """
ending.WITHIN_S = 0.01
def work():
    concurrent.futures.ThreadPoolExecutor().submit(threading.Event().wait)
thread = threading.Thread(target=work, daemon=True)
thread.start()
thread.join()
"""


def run(state: str) -> tuple[int, str, str]:
    """Run a program that ends with status 3, its threads being in *state*; return status, output and log."""
    program = f"{PROGRAM}{state}ending.end_process(3)\n"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    return result.returncode, result.stdout.strip(), result.stderr.strip()


def test_without_threads() -> None:
    """As any program."""
    assert run("") == (3, "the exit was told", "")


def test_idle_threads_end() -> None:
    """Every application that hands work to threads has some; what it registered for the exit is called."""
    assert run(IDLE) == (3, "the exit was told", "")


@pytest.mark.parametrize("state", [STUCK, STUCK_BELOW_A_DAEMON])
def test_a_thread_that_does_not_end(state: str) -> None:
    """It does not keep the process, which has finished. Python waits for pools even if their threads are daemons."""
    assert run(state) == (3, "", "threads of the application still run; they are left behind")
