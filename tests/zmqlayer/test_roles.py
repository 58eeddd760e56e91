"""Names for processes that have none."""

from __future__ import annotations

import pytest

from zmqlayer.roles import role_of


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        (["/srv/.venv/bin/daphne", "-p", "8000"], "daphne"),
        (["/srv/.venv/lib/python3.13/site-packages/uvicorn/__main__.py"], "uvicorn"),
        (["manage.py", "runworker", "dice"], "runworker"),
        (["manage.py", "--traceback", "notify", "lobby"], "notify"),
        (["manage.py"], "manage"),
        (["/site-packages/django/__main__.py", "runworker"], "runworker"),
        (["nightly.py", "now"], "nightly"),
        (["-c"], "script"),
        (["-m"], "script"),
        ([""], "script"),
        ([], "script"),
    ],
)
def test_a_program_is_called_by_its_name(argv: list[str], role: str) -> None:
    """Servers by their own name, Django's commands by theirs, and what has no name is a script."""
    assert role_of(argv) == role
