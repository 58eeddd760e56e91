"""What is called at the end of a process, and what is not called any more."""

from __future__ import annotations

import subprocess
import sys

import pytest

MAIN = """
from zmqlayer.ending import call_at_end
withdraw = call_at_end(lambda: print("called"))
call_at_end(lambda: print("not called"))()
"""
IN_A_CHILD = """
import multiprocessing

def run():
    {main}

child = multiprocessing.get_context("fork").Process(target=run)
child.start()
child.join()
"""


@pytest.mark.parametrize("program", [MAIN, IN_A_CHILD.format(main=MAIN.replace("\n", "\n    "))], ids=["main", "child"])
def test_what_is_wanted_at_the_end_is_called(program: str) -> None:
    """In a program of its own and in a child of multiprocessing, which ends without ``atexit``."""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)

    assert (set(run.stdout.splitlines()), run.stderr) == ({"called"}, "")  # children of Python 3.13 do both
