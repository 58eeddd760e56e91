"""``runworker --reload``: a developer's worker starts again when a file changes."""

from __future__ import annotations

import os
import secrets
import signal
from pathlib import Path

import pytest

from support.development import DevelopmentRun, write_project

pytestmark = pytest.mark.system

READS_TWICE = r"(?s)(^worker \w+ reads .*){2}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of a project."""
    write_project(tmp_path, f"reload-{secrets.token_hex(4)}")
    return tmp_path


def test_it_starts_again(project: Path) -> None:
    """The next process has the new source; Ctrl-C ends it without a traceback."""
    with DevelopmentRun(project, "runworker", "--reload", "--threads", "1") as run:
        run.wait_for_line(r"^worker \w+ reads .* with 1 thread in cluster 'reload-")

        run.change(project / "small/routing.py", "routes = []\n", READS_TWICE)
        os.killpg(run.pid, signal.SIGINT)
        status = run.process.wait(5)

        assert status == 0
        assert "Traceback" not in run.output


def test_a_mistake_waits_to_be_mended(project: Path) -> None:
    """A wrong setting is a sentence, and the worker starts when it is right."""
    settings = project / "small/settings.py"
    right = settings.read_text()
    settings.write_text(right.replace('"cluster"', '"clutser"'))
    with DevelopmentRun(project, "runworker", "--reload") as run:
        run.wait_for_line(r"^Error: SystemCheckError: (.|\n)*clutser(.|\n)*^waiting for a change of the source$")

        run.change(settings, right, r"^worker \w+ reads ")

        assert "Traceback" not in run.output
