"""The chat's own tests need its Django settings, so they run in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHAT = Path(__file__).parents[2] / "examples" / "chat"


@pytest.mark.system
def test_the_chats_own_tests_pass() -> None:
    """``manage.py test`` finds the example's tests, and they pass without a warning."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "manage.py", "test"],
        cwd=CHAT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0 and "Found 0" not in done.stdout + done.stderr, done.stdout + done.stderr


@pytest.mark.system
def test_migrations_are_complete() -> None:
    """The migrations make the tables that the models describe."""
    done = subprocess.run(
        [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
        cwd=CHAT,
        env={"CHAT_DATABASE": ":memory:"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
