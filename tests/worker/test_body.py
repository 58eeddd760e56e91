"""Bodies in pieces: what a view reads, and what ends it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.core.signals import request_finished
from hypothesis import given
from hypothesis import strategies as st

from support.memory_layer import Content, MemoryLayer, MemoryPeer
from support.worker_run import Waiting, ask, content_of, worker_for
from zmqlayer.exceptions import LayerClosed
from zmqlayer.names import NodeId, encode_node_id
from zmqlayer.worker.body import BodyLost, BodyPieces, collect_body, open_body
from zmqlayer.worker.exceptions import RequestAborted, RequestTimeout
from zmqlayer.worker.worker import Worker

CHANNEL = "http.request.body?aaaa1"
MULTIPART = [b"content-type", b"multipart/form-data; boundary=frontier"]
UPLOAD = (
    b"--frontier\r\n"
    b'Content-Disposition: form-data; name="title"\r\n\r\n'
    b"Notes\r\n"
    b"--frontier\r\n"
    b'Content-Disposition: form-data; name="notes"; filename="notes.txt"\r\n\r\n'
    b"remember the milk\r\n"
    b"--frontier--\r\n"
)


class StalledLayer(MemoryLayer):
    """A layer on which nothing comes: each wait takes five seconds of *waiting*."""

    waiting_time = Waiting()

    def receive(self, channels: Sequence[str], block: bool = False) -> tuple[str, Content] | tuple[None, None]:
        """Take a message, or let time pass."""
        found = super().receive(channels)
        if found[0] is None:
            self.waiting_time.now += 5.0
        return found


@pytest.fixture
def worker(layer: MemoryLayer) -> Worker:
    """A worker with nothing but Django's views."""
    return worker_for(layer, [])


@pytest.fixture
def finished() -> Iterator[list[str]]:
    """How often a request was finished."""
    heard: list[str] = []

    def note(**kwargs: Any) -> None:
        heard.append("finished")

    request_finished.connect(note)
    yield heard
    request_finished.disconnect(note)


def numbered(*pieces: bytes) -> list[Content]:
    """Return the messages that carry *pieces*."""
    last = len(pieces) - 1
    return [{"content": piece, "more_content": n < last, "order": n} for n, piece in enumerate(pieces)]


def send(layer: MemoryLayer, *messages: Content) -> str:
    """Let *messages* wait on a body channel, and return its name."""
    for message in messages:
        layer.send(CHANNEL, message)
    return CHANNEL


def body_of(*messages: Content, first: bytes = b"") -> Any:
    """Return a body as a file."""
    waiting = iter(messages)
    return open_body(BodyPieces(first, lambda: next(waiting), lambda: True, lambda: 0.0))


@given(pieces=st.lists(st.binary(max_size=100), min_size=1), sizes=st.lists(st.integers(0, 150)))
def test_reads_of_any_size(pieces: list[bytes], sizes: list[int]) -> None:
    """However the body was cut and is read: the bytes are the same, and each read but the last is full."""
    body = body_of(*numbered(*pieces[1:], b""), first=pieces[0])
    whole = b"".join(pieces)

    read = [body.read(size) for size in sizes]

    assert b"".join(read) == whole[: sum(sizes)]
    assert body.read() == whole[sum(sizes) :]
    assert body.read() == b""


def test_lines() -> None:
    """A line may span pieces."""
    body = body_of(*numbered(b"one\ntw", b"o", b"\nthree"))

    assert [body.readline(), body.readline(), body.readline()] == [b"one\n", b"two\n", b"three"]


def test_pieces_without_numbers() -> None:
    """A server of the 2016 draft does not number them, and may leave out what has a default."""
    assert body_of({"content": b"a", "more_content": True}, {"content": b"b"}).read() == b"ab"


@pytest.mark.parametrize("path", ["/digest/", "/digest-pieces/"])
def test_a_view_reads_a_body(layer: MemoryLayer, worker: Worker, path: str) -> None:
    """As any other, whole or piece by piece."""
    pieces = [b"%d" % number * 20_000 for number in range(5)]
    channel = send(layer, *numbered(*pieces[1:]))

    parts = ask(layer, worker, path, "POST", body=pieces[0], body_channel=channel)

    assert content_of(parts).decode() == hashlib.sha256(b"".join(pieces)).hexdigest()


@pytest.mark.parametrize("fields", [[], [[b"content-length", b"%d" % len(UPLOAD)]]])
@pytest.mark.parametrize("cuts", [(0, 1), (50, 120), (10, 11)])
def test_an_upload(layer: MemoryLayer, worker: Worker, cuts: tuple[int, int], fields: list[Any]) -> None:
    """Forms with files are parsed from the pieces, wherever they were cut, with and without Content-Length."""
    first, last = cuts
    channel = send(layer, *numbered(UPLOAD[first:last], UPLOAD[last:], b""))

    parts = ask(
        layer, worker, "/echo/", "POST", body=UPLOAD[:first], body_channel=channel, headers=[MULTIPART, *fields]
    )

    answer = json.loads(content_of(parts))
    assert (answer["files"], answer["form"]) == ({"notes": "remember the milk"}, {"title": "Notes"})


def test_djangos_limit(layer: MemoryLayer, worker: Worker, settings: Any) -> None:
    """Where the body has no length, no more of it is read than the limit allows."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    channel = send(layer, *numbered(b"x" * 20_000, b"y" * 70_000, b"never read", b""))

    parts = ask(layer, worker, "/digest/", "POST", body_channel=channel)

    assert parts[0]["status"] == 400
    assert layer.waiting(channel) == 3


def test_a_body_that_nobody_reads(layer: MemoryLayer, worker: Worker) -> None:
    """What the view does not want stays at the server, which drops it."""
    channel = send(layer, *numbered(b"a", b"b"))

    parts = ask(layer, worker, "/hello/", "POST", body=b"c", body_channel=channel)

    assert content_of(parts) == b"Hello, nobody"
    assert layer.waiting(channel) == 2


@pytest.mark.parametrize("path", ["/digest/", "/cautious/"])
def test_a_client_that_leaves(
    layer: MemoryLayer, worker: Worker, caplog: pytest.LogCaptureFixture, finished: list[str], path: str
) -> None:
    """The view ends where it stands, whatever it catches; nobody is answered, and nobody is alarmed."""
    channel = send(layer, numbered(b"a", b"")[0], {"closed": True})

    with caplog.at_level(logging.INFO):
        parts = ask(layer, worker, path, "POST", body_channel=channel)

    assert (parts, caplog.records, finished) == ([], [], ["finished"])


def test_a_server_that_is_gone() -> None:
    """A view does not wait a minute for it."""
    layer = StalledLayer()
    owner = NodeId(b"g" * 16)
    layer.links.append(MemoryPeer(NodeId(b"h" * 16)))
    reply = f"http.response.{encode_node_id(owner)}!browser"
    before = layer.waiting_time.now

    ask(layer, worker_for(layer, [], layer.waiting_time), "/digest/", body_channel=CHANNEL, reply_channel=reply)

    assert layer.waiting_time.now == before + 5.0
    assert layer.waiting(reply) == 0


def test_a_body_with_a_hole(layer: MemoryLayer, worker: Worker) -> None:
    """What was lost is an error to the view, and never left out in silence."""
    pieces = numbered(b"a", b"b", b"c")
    channel = send(layer, pieces[0], pieces[2])

    parts = ask(layer, worker, "/cautious/", "POST", body_channel=channel)

    assert content_of(parts).startswith(b"UnreadablePostError: piece 1 of the request's body was lost")


def test_a_body_that_stops(caplog: pytest.LogCaptureFixture) -> None:
    """After a minute the client hears that it was too slow; the view is ended, whatever it catches."""
    layer = StalledLayer()
    channel = send(layer, *numbered(b"a", b"")[:1])

    parts = ask(layer, worker_for(layer, [], layer.waiting_time), "/cautious/", "POST", body_channel=channel)

    assert parts[0]["status"] == 408
    assert "stopped for 60 seconds" in caplog.text


@pytest.mark.parametrize(
    ("messages", "error"),
    [([{"closed": True}], RequestAborted), ([], RequestTimeout), ([{"content": b"", "order": 5}], BodyLost)],
)
def test_what_ends_a_read(messages: list[Content], error: type[BaseException]) -> None:
    """Each end has its own exception."""
    waiting, time = iter(messages), iter(range(0, 1000, 20))
    body = open_body(BodyPieces(b"", lambda: next(waiting, None), lambda: True, lambda: next(time)))

    with pytest.raises(error):
        body.read()


def test_a_worker_that_left() -> None:
    """A layer that was closed under a view ends it."""

    def receive() -> Content | None:
        raise LayerClosed

    with pytest.raises(RequestAborted, match="left the mesh"):
        open_body(BodyPieces(b"", receive, lambda: True, lambda: 0.0)).read()


def collect(layer: MemoryLayer, first: bytes = b"", **options: Any) -> Any:
    """Collect a body from the body channel."""

    async def receive() -> Content | None:
        return (await layer.receive_async([CHANNEL]))[1]

    return asyncio.run(collect_body(first, receive, lambda: not layer.closed, memory_size=100, **options))


def test_a_body_is_collected(layer: MemoryLayer) -> None:
    """For a view that must not wait in a read: in memory, or in a file if it is long."""
    send(layer, *numbered(b"two ", b"x" * 200))

    with collect(layer, b"one ") as body:
        assert body.read() == b"one two " + b"x" * 200
        assert body._rolled


@pytest.mark.parametrize(
    ("messages", "error"), [([{"closed": True}], RequestAborted), ([{"content": b"", "order": 5}], BodyLost)]
)
def test_what_ends_a_collection(layer: MemoryLayer, messages: list[Content], error: type[BaseException]) -> None:
    """The same as ends a read."""
    send(layer, *messages)

    with pytest.raises(error):
        collect(layer)


def test_a_collection_that_stops(layer: MemoryLayer) -> None:
    """Nobody waits for ever."""
    with pytest.raises(RequestTimeout, match=r"stopped for 0\.05 seconds"):
        collect(layer, timeout_s=0.05)


def test_a_collection_for_nobody(layer: MemoryLayer) -> None:
    """It ends when the server is found gone."""
    layer.closed.add(CHANNEL)

    with pytest.raises(RequestAborted, match="is gone"):
        collect(layer, timeout_s=0.05)


def test_a_collection_of_a_worker_that_left(layer: MemoryLayer) -> None:
    """It ends with the layer."""
    layer.close()

    with pytest.raises(RequestAborted, match="left the mesh"):
        collect(layer)


def test_a_slow_body_of_an_asynchronous_view(
    layer: MemoryLayer, worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is answered 408, as for any view."""

    async def stop(*args: Any, **options: Any) -> Any:
        raise RequestTimeout("the request's body stopped for 60 seconds")

    monkeypatch.setattr("zmqlayer.worker.handler.collect_body", stop)

    parts = ask(layer, worker, "/async/digest/", "POST", body_channel=CHANNEL)

    assert parts[0]["status"] == 408
    assert "answered 408" in caplog.text
