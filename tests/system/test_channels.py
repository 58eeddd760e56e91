"""A project on Channels 4 with tests of its own, under pytest-asyncio: nothing in it knows which layer it uses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

PROJECT = Path(__file__).parents[1] / "support" / "channels_project"


def test_a_project_on_channels_passes_its_tests() -> None:
    """Consumers, workers, signals, settings and a loop for each test."""
    for library in ("channels", "daphne", "pytest_asyncio"):
        pytest.importorskip(library, reason=f"{library} is not installed")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ZMQLAYER_", "PYTEST"))}

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "cases.py"],
        cwd=PROJECT, env={**environ, "DJANGO_SETTINGS_MODULE": "project"}, capture_output=True, text=True, timeout=50,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout + run.stderr
