"""The tests of ``examples/rooms`` need its Django settings, so they run in a process of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.rooms_run import ROOMS


@pytest.mark.system
def test_the_examples_own_tests_pass() -> None:
    """``manage.py test`` finds the example's tests, and they pass without a warning."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "manage.py", "test"],
        cwd=ROOMS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0 and "Found 0" not in done.stdout + done.stderr, done.stdout + done.stderr
