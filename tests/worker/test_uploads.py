"""Large uploads through Django's own upload handlers and limits, never whole in memory."""

from __future__ import annotations

import json
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler

from support.memory_layer import MemoryLayer
from support.worker_run import ask, content_of, worker_for
from zmqlayer.exceptions import ChannelFull
from zmqlayer.worker.worker import Worker

MIB = 1_048_576
SIZE = 50 * MIB
PIECE = 65_536
CHANNEL = "http.request.body?aaaa1"
MULTIPART = [b"content-type", b"multipart/form-data; boundary=frontier"]
HEAD = (
    b"--frontier\r\n"
    b'Content-Disposition: form-data; name="film"; filename="film.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
)
TAIL = b"\r\n--frontier--\r\n"


class RefusingHandler(TemporaryFileUploadHandler):
    """An upload handler of a project: takes no film."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Break off at the first piece."""
        raise StopUpload(connection_reset=True)


@pytest.fixture
def narrow() -> MemoryLayer:
    """A layer with little room in each channel, as between a server and a worker."""
    return MemoryLayer(capacity=4)


@pytest.fixture
def worker(narrow: MemoryLayer, settings: Any) -> Worker:
    """A worker whose views have no middleware that would look at the form."""
    settings.MIDDLEWARE = []
    return worker_for(narrow, [])


def pieces(size: int) -> Iterator[bytes]:
    """Make the body of an upload of *size* bytes, piece by piece."""
    for start in range(0, size, PIECE):
        yield bytes(min(PIECE, size - start))
    yield TAIL


class Server:
    """The server's side: sends pieces as long as there is room for them."""

    def __init__(self, layer: MemoryLayer, size: int) -> None:
        self._layer = layer
        self._size = size
        self._is_over = threading.Event()
        self.sent = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        for order, piece in enumerate(pieces(self._size)):
            if not self._send({"content": piece, "more_content": piece is not TAIL, "order": order}):
                return
            self.sent += len(piece)

    def _send(self, message: dict[str, Any]) -> bool:
        while not self._is_over.is_set():
            try:
                self._layer.send(CHANNEL, message)
            except ChannelFull:
                self._is_over.wait(0.001)
            else:
                return True
        return False


def peak_of(act: Callable[[], None]) -> int:
    """Return the most bytes that were in use at once while *act* ran."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("path", ["/measure/", "/async/measure/"])
def test_fifty_megabytes(narrow: MemoryLayer, worker: Worker, path: str) -> None:
    """A few of them are in memory at once; Django keeps the file on disk, for either kind of view."""
    parts: list[Any] = []

    def upload() -> None:
        with Server(narrow, SIZE):
            parts.extend(ask(narrow, worker, path, "POST", body=HEAD, body_channel=CHANNEL, headers=[MULTIPART]))

    peak = peak_of(upload)

    assert json.loads(content_of(parts)) == {"film": [SIZE, "TemporaryUploadedFile"]}
    assert peak < 10 * MIB


def test_a_small_file_stays_in_memory(narrow: MemoryLayer, worker: Worker) -> None:
    """FILE_UPLOAD_MAX_MEMORY_SIZE decides."""
    with Server(narrow, 1000):
        parts = ask(
            narrow, worker, "/measure/", "POST", body=HEAD, body_channel=CHANNEL,
            headers=[MULTIPART, [b"content-length", b"%d" % (len(HEAD) + 1000 + len(TAIL))]],
        )  # fmt: skip

    assert json.loads(content_of(parts)) == {"film": [1000, "InMemoryUploadedFile"]}


def test_handlers_of_the_project(narrow: MemoryLayer, worker: Worker, settings: Any) -> None:
    """One that breaks off at the first piece is obeyed: the rest is never fetched."""
    settings.FILE_UPLOAD_HANDLERS = [f"{RefusingHandler.__module__}.RefusingHandler"]
    begun = time.monotonic()

    with Server(narrow, SIZE) as server:
        parts = ask(narrow, worker, "/measure/", "POST", body=HEAD, body_channel=CHANNEL, headers=[MULTIPART])

    assert json.loads(content_of(parts)) == {}
    assert server.sent < MIB
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("setting", "limit"),
    [
        ("DATA_UPLOAD_MAX_NUMBER_FILES", 1),
        ("DATA_UPLOAD_MAX_NUMBER_FIELDS", 1),
        ("DATA_UPLOAD_MAX_MEMORY_SIZE", 10),
    ],
)
@pytest.mark.parametrize("path", ["/echo/", "/async/echo/"])
def test_limits(narrow: MemoryLayer, worker: Worker, settings: Any, setting: str, limit: int, path: str) -> None:
    """Django's limits hold, and answer 400."""
    setattr(settings, setting, limit)
    files = b"".join(HEAD.replace(b"film", b"film%d" % number) + b"\r\n" for number in range(2))
    fields = b"".join(
        b'--frontier\r\nContent-Disposition: form-data; name="field%d"\r\n\r\nlong enough\r\n' % number
        for number in range(3)
    )

    parts = ask(narrow, worker, path, "POST", body=files + fields + TAIL.lstrip(), headers=[MULTIPART])

    assert parts[0]["status"] == 400
