"""``runworker`` as a process: what it prints, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

TESTS = Path(__file__).parent.parent


def run(*args: str) -> subprocess.Popen[str]:
    """Start the command on a project of its own."""
    environ = {**os.environ, "PYTHONPATH": str(TESTS), "DJANGO_SETTINGS_MODULE": "support.worker_settings"}
    command = [sys.executable, "-m", "django", "runworker", *args]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[str]]:
    """A worker that has said that it reads."""
    with run("--threads", "2", "--cluster", "system-runworker") as worker:
        assert worker.stdout is not None
        assert " with 2 threads in cluster 'system-runworker'" in worker.stdout.readline()
        yield worker
        worker.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(worker: subprocess.Popen[str], number: signal.Signals) -> None:
    """It ends within three seconds, with status 0 and nothing to say."""
    begun = time.monotonic()

    worker.send_signal(number)
    _, errors = worker.communicate(timeout=10)

    assert (worker.returncode, errors) == (0, "")
    assert time.monotonic() - begun < 3


def test_a_mistake_is_a_sentence() -> None:
    """A wrong setting ends it with one line and no traceback."""
    with run("--mesh-bind", "192.0.2.1") as worker:
        _, errors = worker.communicate(timeout=10)

    assert worker.returncode == 1
    assert errors.startswith("CommandError: setting 'bind': '192.0.2.1' is not a loopback address")
    assert len(errors.splitlines()) == 1
