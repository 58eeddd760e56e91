"""Static files in front of the views, for development."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.exceptions import ImproperlyConfigured

from support.memory_layer import MemoryLayer
from support.worker_run import ask, content_of, headers_of, worker_for
from zmqlayer.worker import route
from zmqlayer.worker.staticfiles import StaticFilesConsumer
from zmqlayer.worker.worker import Worker

STYLE = b"body { color: teal }\n" * 5_000


@pytest.fixture
def files(tmp_path: Path, settings: Any) -> Path:
    """A folder of static files, beside a secret."""
    folder = tmp_path / "static"
    (folder / "chat").mkdir(parents=True)
    (folder / "chat" / "style.css").write_bytes(STYLE)
    (folder / "grüße.txt").write_text("hallo")
    (tmp_path / "secret.txt").write_text("secret")
    settings.STATIC_URL = "/static/"
    settings.STATICFILES_DIRS = [str(folder)]
    settings.DEBUG = True
    finders.get_finder.cache_clear()
    return folder


@pytest.fixture
def worker(files: Path, layer: MemoryLayer) -> Worker:
    """A worker that serves them."""
    return worker_for(layer, [route("http.request", StaticFilesConsumer())])


def test_a_file(layer: MemoryLayer, worker: Worker) -> None:
    """With its type and length, in pieces."""
    parts = ask(layer, worker, "/static/chat/style.css")

    assert (parts[0]["status"], content_of(parts)) == (200, STYLE)
    assert headers_of(parts, b"content-type") == [b"text/css"]
    assert headers_of(parts, b"content-length") == [b"%d" % len(STYLE)]
    assert max(len(part["content"]) for part in parts) <= 65_536


def test_a_name_beyond_ascii(layer: MemoryLayer, worker: Worker) -> None:
    """Paths come decoded."""
    assert content_of(ask(layer, worker, "/static/grüße.txt")) == b"hallo"


def test_a_file_that_the_client_has(layer: MemoryLayer, worker: Worker) -> None:
    """Is not sent again."""
    modified = headers_of(ask(layer, worker, "/static/chat/style.css"), b"last-modified")[0]

    parts = ask(layer, worker, "/static/chat/style.css", headers=[[b"if-modified-since", modified]])

    assert (parts[0]["status"], content_of(parts)) == (304, b"")


def test_head(layer: MemoryLayer, worker: Worker) -> None:
    """The headers of a file, without it."""
    parts = ask(layer, worker, "/static/chat/style.css", "HEAD")

    assert (headers_of(parts, b"content-length"), content_of(parts)) == ([b"%d" % len(STYLE)], b"")


@pytest.mark.parametrize("path", ["/hello/", "/async/"])
def test_all_else_is_for_views(layer: MemoryLayer, worker: Worker, path: str) -> None:
    """Of either kind."""
    assert ask(layer, worker, path)[0]["status"] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/none.css",
        "/static/../secret.txt",
        "/static/chat/../../secret.txt",
        "/static//etc/passwd",
        "/static/..%2fsecret.txt",
        "/static/chat/",
        "/static/",
        "/static/a\0b",
    ],
)
def test_what_is_not_there(layer: MemoryLayer, worker: Worker, path: str) -> None:
    """Nothing outside the folders is found, however the path is written."""
    parts = ask(layer, worker, path)

    assert parts[0]["status"] in (400, 404)
    assert b"secret" not in content_of(parts).replace(b"secret.txt", b"")


def test_without_debug(layer: MemoryLayer, worker: Worker, settings: Any) -> None:
    """In production the server in front has the files; the views have no such path."""
    settings.DEBUG = False

    assert ask(layer, worker, "/static/chat/style.css")[0]["status"] == 404


def test_without_debug_if_one_insists(layer: MemoryLayer, files: Path, settings: Any) -> None:
    """As ``runserver --insecure`` does."""
    settings.DEBUG = False

    worker = worker_for(layer, [route("http.request", StaticFilesConsumer(insecure=True))])

    assert content_of(ask(layer, worker, "/static/chat/style.css")) == STYLE


def test_files_with_a_host_of_their_own(layer: MemoryLayer, files: Path, settings: Any) -> None:
    """Are none of ours."""
    settings.STATIC_URL = "https://files.example/static/"
    worker = worker_for(layer, [route("http.request", StaticFilesConsumer())])

    assert ask(layer, worker, "/static/chat/style.css")[0]["status"] == 404


def test_settings_that_cannot_work(settings: Any) -> None:
    """Are told at the start."""
    settings.STATIC_URL = None

    with pytest.raises(ImproperlyConfigured, match="STATIC_URL"):
        StaticFilesConsumer()
