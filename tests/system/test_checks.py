"""System checks as an operator meets them: a command that is started with a wrong setting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

TESTS = Path(__file__).parent.parent


def test_runworker_does_not_start_with_a_wrong_setting() -> None:
    """It ends at once, says what is wrong and how to cure it, and shows no traceback."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "DJANGO_SETTINGS_MODULE": "support.worker_settings",
        "ZMQLAYER_CAPACITY": "0",
    }
    command = [sys.executable, "-m", "django", "runworker"]

    run = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30)

    assert run.returncode == 1
    assert "(zmqlayer.E004) CHANNEL_LAYERS['default']['CONFIG']: setting 'capacity': 0 is below 1." in run.stderr
    assert "HINT: Correct 'capacity', or the environment variable ZMQLAYER_CAPACITY" in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""
