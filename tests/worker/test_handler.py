"""Django's views behind ``http.request``."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.urls import get_script_prefix

from support.memory_layer import MemoryLayer, MemoryNode, MemoryPeer
from support.worker_run import Waiting, ask, content_of, headers_of, http_message, worker_for
from zmqlayer.config import Config
from zmqlayer.names import NodeId, encode_node_id
from zmqlayer.worker.handler import AsgiHandler, ViewConsumer
from zmqlayer.worker.message import Message
from zmqlayer.worker.worker import Worker

FORM = [b"content-type", b"application/x-www-form-urlencoded"]
UPLOAD = (
    b"--frontier\r\n"
    b'Content-Disposition: form-data; name="title"\r\n\r\n'
    b"Notes\r\n"
    b"--frontier\r\n"
    b'Content-Disposition: form-data; name="notes"; filename="notes.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\n"
    b"remember the milk\r\n"
    b"--frontier--\r\n"
)


@pytest.fixture
def worker(layer: MemoryLayer) -> Worker:
    """A worker with nothing but Django's views."""
    return worker_for(layer, [])


@pytest.fixture
def request_signals() -> Iterator[list[str]]:
    """Which of Django's request signals were sent."""
    heard: list[str] = []

    def started(**kwargs: Any) -> None:
        heard.append("started")

    def finished(**kwargs: Any) -> None:
        heard.append("finished")

    request_started.connect(started)
    request_finished.connect(finished)
    yield heard
    request_started.disconnect(started)
    request_finished.disconnect(finished)


def test_get(layer: MemoryLayer, worker: Worker) -> None:
    """A request reaches its view, and the response comes back on the reply channel."""
    parts = ask(layer, worker, "/hello/", query_string=b"name=Ada")

    assert parts[0]["status"] == 200
    assert content_of(parts) == b"Hello, Ada"


def test_a_form(layer: MemoryLayer, worker: Worker) -> None:
    """Forms arrive in ``request.POST``."""
    parts = ask(layer, worker, "/echo/", "POST", body=b"a=1&b=caf%C3%A9", headers=[FORM])

    assert json.loads(content_of(parts))["form"] == {"a": "1", "b": "café"}


def test_json(layer: MemoryLayer, worker: Worker) -> None:
    """Other bodies arrive in ``request.body``."""
    parts = ask(layer, worker, "/json/", "POST", body=b"[1, 2, 3]", headers=[[b"content-type", b"application/json"]])

    assert json.loads(content_of(parts)) == {"sum": 6}


def test_a_megabyte(layer: MemoryLayer, worker: Worker) -> None:
    """A body of a megabyte arrives intact."""
    body = bytes(range(256)) * 4096

    parts = ask(layer, worker, "/digest/", "POST", body=body)

    assert content_of(parts).decode() == hashlib.sha256(body).hexdigest()


def test_a_file_upload(layer: MemoryLayer, worker: Worker) -> None:
    """Uploads arrive in ``request.FILES``, beside the form's other fields."""
    headers = [[b"content-type", b"multipart/form-data; boundary=frontier"]]

    answer = json.loads(content_of(ask(layer, worker, "/echo/", "POST", body=UPLOAD, headers=headers)))

    assert answer["files"] == {"notes": "remember the milk"}
    assert answer["form"] == {"title": "Notes"}


def test_a_body_over_djangos_limit(layer: MemoryLayer, worker: Worker, settings: Any) -> None:
    """DATA_UPLOAD_MAX_MEMORY_SIZE holds here as with any server."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10

    parts = ask(layer, worker, "/digest/", "POST", body=b"x" * 11)

    assert parts[0]["status"] == 400


def test_a_long_response_comes_in_chunks(layer: MemoryLayer, worker: Worker) -> None:
    """No message has more than 64 KiB of content, and each says which of them it is."""
    parts = ask(layer, worker, "/big/")

    assert [len(part["content"]) for part in parts] == [65_536] * 18 + [20_352]
    assert [part["order"] for part in parts] == list(range(19))
    assert headers_of(parts, b"content-length") == [b"1200000"]


def test_a_stream(layer: MemoryLayer, worker: Worker) -> None:
    """Each piece of a streaming response is a message of its own."""
    parts = ask(layer, worker, "/stream/")

    assert [part["content"] for part in parts] == [b"", b"one ", b"two ", b"three", b""]


def test_a_file(layer: MemoryLayer, worker: Worker) -> None:
    """Files come in chunks, with their length and name."""
    parts = ask(layer, worker, "/file/")

    assert len(content_of(parts)) == 600_000
    assert headers_of(parts, b"content-length") == [b"600000"]


def test_cookies(layer: MemoryLayer, worker: Worker) -> None:
    """Cookies go both ways."""
    parts = ask(layer, worker, "/cookies/", headers=[[b"cookie", b"flavour=ginger"]])

    assert content_of(parts) == b"ginger"
    assert headers_of(parts, b"set-cookie") == [b"a=1; Path=/", b"b=2; HttpOnly; Path=/"]


def test_browser_sessions(layer: MemoryLayer, worker: Worker, database: None) -> None:
    """Django's session middleware works as with any server."""
    cookie = headers_of(ask(layer, worker, "/visits/"), b"set-cookie")[0].split(b";")[0]

    assert content_of(ask(layer, worker, "/visits/", headers=[[b"cookie", cookie]])) == b"2"


def test_head(layer: MemoryLayer, worker: Worker) -> None:
    """HEAD has the headers of GET and no body."""
    parts = ask(layer, worker, "/big/", "HEAD")

    assert headers_of(parts, b"content-length") == [b"1200000"]
    assert [part["content"] for part in parts] == [b""]


def test_not_found(layer: MemoryLayer, worker: Worker) -> None:
    """404 is Django's own page."""
    parts = ask(layer, worker, "/nowhere/")

    assert parts[0]["status"] == 404
    assert b"Not Found" in content_of(parts)


def test_a_broken_view(layer: MemoryLayer, worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    """500 is Django's own page, and Django logs the traceback."""
    with caplog.at_level(logging.ERROR, "django.request"):
        parts = ask(layer, worker, "/fail/")

    assert parts[0]["status"] == 500
    assert b"Server Error (500)" in content_of(parts)
    assert "this view is broken" in caplog.text


def test_a_broken_view_in_development(layer: MemoryLayer, worker: Worker, settings: Any) -> None:
    """With DEBUG the browser shows the traceback."""
    settings.DEBUG = True

    assert b"this view is broken" in content_of(ask(layer, worker, "/fail/"))


def test_an_unknown_method(layer: MemoryLayer, worker: Worker) -> None:
    """Methods are the view's affair."""
    assert json.loads(content_of(ask(layer, worker, "/echo/", "BREW")))["method"] == "BREW"


def test_a_foreign_host(layer: MemoryLayer, worker: Worker) -> None:
    """ALLOWED_HOSTS holds."""
    assert ask(layer, worker, "/echo/", headers=[[b"host", b"evil.example"]])[0]["status"] == 400


def test_an_undecodable_query(layer: MemoryLayer, worker: Worker) -> None:
    """Bytes that are no text are the client's mistake."""
    assert ask(layer, worker, "/hello/", query_string=b"\xff")[0]["status"] == 400


def test_an_asynchronous_view(layer: MemoryLayer, worker: Worker) -> None:
    """Coroutine views work too."""
    assert content_of(ask(layer, worker, "/async/")) == b"async"


def test_a_view_sees_its_message(layer: MemoryLayer, worker: Worker) -> None:
    """``request.reply_channel`` and ``request.message`` are there."""
    assert content_of(ask(layer, worker, "/reply-channel/")).decode() == f"{layer.reply_channel()} True"


def test_below_a_path(layer: MemoryLayer, worker: Worker) -> None:
    """Behind a root path, views are found and links lead back below it."""
    answer = json.loads(content_of(ask(layer, worker, "/site/echo/", root_path="/site")))

    assert (answer["path"], answer["path_info"]) == ("/site/echo/", "/echo/")


@pytest.mark.parametrize("path", ["/hello/", "/async/"])
def test_the_prefix_of_one_request_is_not_that_of_the_next(layer: MemoryLayer, worker: Worker, path: str) -> None:
    """Links begin with it until the response is closed; afterwards with whatever they did before."""
    prefixes: list[str] = []

    def finished(**kwargs: Any) -> None:
        prefixes.append(get_script_prefix())

    request_finished.connect(finished)
    try:
        ask(layer, worker, f"/site{path}", root_path="/site")
        prefixes.append(get_script_prefix())
        ask(layer, worker, path)
    finally:
        request_finished.disconnect(finished)

    assert prefixes == ["/site/", "/", "/"]


def test_request_signals(layer: MemoryLayer, worker: Worker, request_signals: list[str]) -> None:
    """Each request starts and finishes once, so that its database connections are closed."""
    ask(layer, worker, "/hello/")
    ask(layer, worker, "/stream/")

    assert request_signals == ["started", "finished"] * 2


def test_a_full_reply_channel_is_waited_for() -> None:
    """While a slow client reads, the rest of the response waits; nothing is lost or reordered."""
    layer = MemoryLayer(capacity=1)
    reply, read = layer.reply_channel(), []
    waiting = Waiting(meanwhile=lambda: read.extend(layer.sent(reply)))

    read.extend(ask(layer, worker_for(layer, [], waiting), "/big/"))

    assert content_of(read) == b"0123456789ab" * 100_000
    assert len(waiting.waits) == 18


def test_a_client_that_never_reads(caplog: pytest.LogCaptureFixture, request_signals: list[str]) -> None:
    """After half a minute without room the response is abandoned, and the request is finished properly."""
    layer, waiting = MemoryLayer(capacity=1), Waiting()

    parts = ask(layer, worker_for(layer, [], waiting), "/big/")

    assert len(parts) == 1
    assert waiting.now == pytest.approx(30)
    assert "abandoned the response for '/big/'" in caplog.text
    assert request_signals == ["started", "finished"]


@pytest.mark.parametrize("end", ["server", "browser"])
def test_an_endless_stream_ends_with_its_reader(layer: MemoryLayer, end: str, caplog: pytest.LogCaptureFixture) -> None:
    """A stream whose server, or browser, goes away is abandoned at its next piece, and closed."""
    owner = NodeId(b"g" * 16)
    layer.links.append(MemoryPeer(owner))
    reply = f"http.response.{encode_node_id(owner)}!browser"

    def endless(message: Message) -> Generator[Any]:
        for count in itertools.count():
            if count == 3:
                layer.links.clear() if end == "server" else layer.closed.add(reply)
            yield {"content": b"tick", "more_content": True}

    consumer = ViewConsumer()
    consumer.handler = endless  # type: ignore[assignment]  # stands for a handler with a streaming view
    with caplog.at_level(logging.DEBUG, "zmqlayer"):
        consumer(Message({"reply_channel": reply, "path": "/ticks/"}, "http.request", layer))

    assert [part["content"] for part in layer.sent(reply)] == [b"tick", b"tick", b"tick"]
    assert "abandoned the response for '/ticks/': nobody reads" in caplog.text


def test_a_server_that_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    """When the node behind the reply channel is gone, no thread waits for it."""
    layer, waiting = MemoryLayer(capacity=1), Waiting()
    reply = f"http.response.{encode_node_id(NodeId(b'g' * 16))}!browser"

    with caplog.at_level(logging.DEBUG, "zmqlayer"):
        worker_for(layer, [], waiting).consume("http.request", http_message(layer, "/big/", reply_channel=reply))

    assert waiting.waits == []
    assert ("DEBUG", True) in [(record.levelname, "abandoned" in record.getMessage()) for record in caplog.records]


def test_a_stopping_worker_abandons(caplog: pytest.LogCaptureFixture) -> None:
    """A worker that must end does not wait for slow clients."""
    layer, waiting = MemoryLayer(capacity=1), Waiting(is_stopping=True)

    ask(layer, worker_for(layer, [], waiting), "/big/")

    assert len(waiting.waits) == 1


def test_a_stream_that_breaks(layer: MemoryLayer, worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    """When a view fails halfway, the server is told that no more will come, and the log has the reason."""
    parts = ask(layer, worker, "/broken-stream/")

    assert [part["content"] for part in parts] == [b"", b"one ", b""]
    assert parts[-1] == {"content": b"", "more_content": False, "closed": True}
    assert "the disk is gone" in caplog.text


def test_a_failure_outside_django(layer: MemoryLayer, worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    """A receiver of ``request_started`` that raises leaves the browser with a 500, not waiting."""

    def fail(**kwargs: Any) -> None:
        raise RuntimeError("broken receiver")

    request_started.connect(fail)
    try:
        parts = ask(layer, worker, "/hello/")
    finally:
        request_started.disconnect(fail)

    assert [(part["status"], part["more_content"]) for part in parts] == [(500, False)]
    assert "broken receiver" in caplog.text


def test_nobody_to_answer(layer: MemoryLayer, worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    """A request without a reply channel is a mistake of its sender."""
    ask(layer, worker, "/hello/", reply_channel=None)

    assert "no reply channel to answer on" in caplog.text


def test_without_a_worker(layer: MemoryLayer) -> None:
    """The consumer can be called by itself; a full reply channel then ends the response at once."""
    ViewConsumer()(Message(http_message(layer, "/hello/"), "http.request", layer))

    assert content_of(layer.sent(layer.reply_channel())) == b"Hello, nobody"


def test_another_chunk_size(layer: MemoryLayer) -> None:
    """A handler's chunks can be smaller, for servers with little memory."""

    class SmallChunks(AsgiHandler):
        chunk_size = 40_000

    parts = list(SmallChunks()(Message(http_message(layer, "/big/"), "http.request", layer)))

    assert {len(part["content"]) for part in parts} == {40_000}


def test_small_messages_small_chunks() -> None:
    """Where the cluster allows only small messages, chunks are half as large as they."""
    layer = MemoryLayer(node=MemoryNode(Config(max_message_size=100_000)))

    parts = list(AsgiHandler()(Message(http_message(layer, "/big/"), "http.request", layer)))

    assert {len(part["content"]) for part in parts} == {50_000}


@pytest.mark.parametrize(
    "values", [{"method": "GE T"}, {"method": None}, {"path": b"/caf\xe9/"}, {"path": None}, {"headers": [b"host"]}]
)
def test_what_no_server_sends(
    layer: MemoryLayer,
    worker: Worker,
    values: dict[str, Any],
    request_signals: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A message that makes no request is answered 400, and the log names what is wrong with it."""
    worker.consume("http.request", {**http_message(layer, "/hello/"), **values})

    assert layer.sent(layer.reply_channel())[0]["status"] == 400
    assert "answered 400 for" in caplog.text
    assert request_signals == ["started", "finished"]


@pytest.mark.parametrize("key", ["path", "method"])
def test_a_message_without_its_keys(
    layer: MemoryLayer, worker: Worker, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Is the same."""
    message = http_message(layer, "/hello/")
    del message[key]

    worker.consume("http.request", message)

    assert layer.sent(layer.reply_channel())[0]["status"] == 400
    assert f"the request has None for a {key}" in caplog.text


def test_nothing_has_changed(layer: MemoryLayer, worker: Worker) -> None:
    """304 is one message without content."""
    parts = ask(layer, worker, "/unchanged/")

    assert [(part["status"], part["content"], part["more_content"]) for part in parts] == [(304, b"", False)]


@pytest.mark.parametrize("path", ["/hello/", "/stream/", "/fail/", "/file/", "/async/", "/async/stream/", "/nowhere/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_response_is_closed_once(
    layer: MemoryLayer, worker: Worker, request_signals: list[str], path: str, method: str
) -> None:
    """Whatever it is, its files are closed and ``request_finished`` is sent, after its last piece."""
    ask(layer, worker, path, method)

    assert request_signals == ["started", "finished"]


def test_a_broken_urlconf(layer: MemoryLayer, worker: Worker, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Does not end the worker; the client gets a 500."""
    settings.ROOT_URLCONF = "support.there_is_none"

    parts = ask(layer, worker, "/hello/")

    assert parts[0]["status"] == 500
    assert "there_is_none" in caplog.text
