"""Static files before views, while debugging."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.worker_run import ask, content_of
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.routing import Router
from zmqlayer.worker.staticfiles import StaticFilesConsumer
from zmqlayer.worker.worker import Worker


@pytest.fixture
def worker(layer: MemoryLayer, settings: Any, tmp_path: Path) -> Worker:
    """A worker of a project with one static file."""
    (tmp_path / "style.css").write_text("body { color: teal }")
    settings.STATIC_URL = "/static/"
    settings.STATICFILES_DIRS = [tmp_path]
    settings.DEBUG = True
    router = Router([])
    router.check_default(StaticFilesConsumer())
    return Worker(layer, router, patience=Patience())


def test_a_static_file(layer: MemoryLayer, worker: Worker) -> None:
    """It comes from the folder that the settings name."""
    parts = ask(layer, worker, "/static/style.css")

    assert (parts[0]["status"], content_of(parts)) == (200, b"body { color: teal }")


def test_a_static_file_that_is_not_there(layer: MemoryLayer, worker: Worker) -> None:
    """404, as for a page; no view is asked."""
    assert ask(layer, worker, "/static/none.css")[0]["status"] == 404


def test_other_paths_are_views(layer: MemoryLayer, worker: Worker) -> None:
    """With their middleware."""
    assert content_of(ask(layer, worker, "/hello/")) == b"Hello, nobody"
