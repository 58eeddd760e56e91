"""Django finds nothing to warn of in the examples; each has settings of its own, and so a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from support.cluster import clean_environ
from support.sources import ROOT

PROJECTS: Final = sorted(path.parent for path in (ROOT / "examples").glob("*/manage.py"))


def test_projects_are_found() -> None:
    """The test below sees all examples that have a ``manage.py``."""
    assert [project.name for project in PROJECTS] == ["archive", "chat", "rooms"]


@pytest.mark.system
@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_django_has_no_warning(project: Path, tmp_path: Path) -> None:
    """``manage.py check`` has nothing to say about an example."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "manage.py", "check", "--fail-level", "WARNING"],
        cwd=project,
        env={**clean_environ(), "ARCHIVE_FOLDER": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0 and "no issues" in done.stdout, done.stdout + done.stderr
