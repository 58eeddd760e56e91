"""Views that are coroutines: on the worker's one event loop, with no thread held."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started

from support.django_project import LongPoll, long_poll
from support.memory_layer import Content, MemoryLayer
from support.worker_run import Waiting, ask, content_of, headers_of, http_message, worker_for
from zmqlayer.worker.loop import ConsumerLoop
from zmqlayer.worker.worker import Worker

BODY = "http.request.body?aaaa1"


@pytest.fixture
def loop() -> Iterator[ConsumerLoop]:
    """A worker's event loop."""
    loop = ConsumerLoop(time.monotonic)
    yield loop
    loop.stop(5.0)


@pytest.fixture
def worker(layer: MemoryLayer, loop: ConsumerLoop) -> Worker:
    """A worker with nothing but Django's views, and a loop."""
    return worker_for(layer, [], loop=loop)


@pytest.fixture
def poll() -> LongPoll:
    """What the views that wait for ever tell."""
    long_poll.__init__()  # type: ignore[misc]  # anew for each test
    return long_poll


def read(layer: MemoryLayer) -> Content:
    """Return the next message to the client."""
    _, message = layer.receive([layer.reply_channel()], block=True)
    assert message is not None, "nothing came"
    return message


def read_all(layer: MemoryLayer) -> list[Content]:
    """Return the messages to the client up to the last."""
    parts = [read(layer)]
    while parts[-1]["more_content"]:
        parts.append(read(layer))
    return parts


def get(layer: MemoryLayer, worker: Worker, path: str, method: str = "GET", **values: Any) -> list[Content]:
    """Ask for *path*, and return the parts of the response."""
    worker.consume("http.request", http_message(layer, path, method, **values))
    return read_all(layer)


@pytest.mark.parametrize("path", ["/async/thread/", "/async/class/"])
def test_they_run_on_the_loop(layer: MemoryLayer, worker: Worker, path: str) -> None:
    """Functions, and classes whose methods are coroutines, with the middleware around them."""
    assert content_of(get(layer, worker, path)) == b"consumers"


def test_others_never_see_the_loop(layer: MemoryLayer, worker: Worker) -> None:
    """A view that is a function is called by the thread that took the message."""
    parts = ask(layer, worker, "/thread/")

    assert content_of(parts).decode() == threading.current_thread().name


def test_middleware_that_chooses_other_urls(layer: MemoryLayer, worker: Worker, settings: Any) -> None:
    """Where the view turns out to be of the other kind, Django adapts it."""
    settings.MIDDLEWARE = ["support.other_urls.switch"]

    assert content_of(get(layer, worker, "/thread/")) != b"consumers"
    assert content_of(get(layer, worker, "/async/thread/")) not in (b"", b"consumers")


def test_middleware_that_waits_leaves_no_thread(layer: MemoryLayer, worker: Worker, settings: Any) -> None:
    """Each request had one of its own, which ends with it and not when the collector comes by."""
    settings.MIDDLEWARE = ["support.other_urls.pass_on"]
    before = set(threading.enumerate())
    gc.disable()
    try:
        names = {content_of(get(layer, worker, "/async/thread/")) for _ in range(5)}
        left = set(threading.enumerate()) - before
        for thread in left:
            if thread.name != "consumers":
                thread.join(5.0)
    finally:
        gc.enable()

    assert names == {b"consumers"}
    assert {thread.name for thread in left if thread.is_alive()} <= {"consumers"}


def test_another_root_urlconf(layer: MemoryLayer, worker: Worker, settings: Any) -> None:
    """Which views are coroutines is what the settings of now say."""
    settings.ROOT_URLCONF = "support.other_urls"

    assert content_of(get(layer, worker, "/thread/")) == b"consumers"


def test_what_arrives(layer: MemoryLayer, worker: Worker) -> None:
    """Forms are parsed as in any view."""
    form = [b"content-type", b"application/x-www-form-urlencoded"]

    answer = json.loads(content_of(get(layer, worker, "/async/echo/", "POST", body=b"a=1", headers=[form])))

    assert (answer["form"], answer["path"]) == ({"a": "1"}, "/async/echo/")


def test_a_body_in_pieces(layer: MemoryLayer, worker: Worker) -> None:
    """Is collected before the view starts, with no thread waiting for it."""
    worker.consume("http.request", http_message(layer, "/async/digest/", "POST", body=b"one ", body_channel=BODY))

    layer.send(BODY, {"content": b"two ", "more_content": True, "order": 0})
    layer.send(BODY, {"content": b"three", "more_content": False, "order": 1})

    assert content_of(read_all(layer)).decode() == hashlib.sha256(b"one two three").hexdigest()


def test_a_client_that_leaves_while_it_uploads(layer: MemoryLayer, worker: Worker, loop: ConsumerLoop) -> None:
    """The view does not even start, and nobody is answered."""
    layer.send(BODY, {"closed": True})

    worker.consume("http.request", http_message(layer, "/async/digest/", "POST", body_channel=BODY))

    assert loop.stop(5.0)
    assert layer.sent(layer.reply_channel()) == []


def test_a_body_with_a_hole(layer: MemoryLayer, worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    """The view does not start with what is not whole: the client gets a 500, and the log says why."""
    layer.send(BODY, {"content": b"late", "more_content": False, "order": 1})

    parts = get(layer, worker, "/async/digest/", "POST", body_channel=BODY)

    assert parts[0]["status"] == 500
    wait_for(lambda: "piece 0 of the request's body was lost" in caplog.text)


def test_a_broken_view(layer: MemoryLayer, worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    """500 is Django's own page."""
    with caplog.at_level(logging.ERROR, "django.request"):
        parts = get(layer, worker, "/async/fail/")

    assert (parts[0]["status"], b"Server Error (500)" in content_of(parts)) == (500, True)
    assert "this coroutine is broken" in caplog.text


def test_a_stream(layer: MemoryLayer, worker: Worker) -> None:
    """Pieces of an asynchronous generator leave one by one; the first message invites the client's leaving."""
    parts = get(layer, worker, "/async/stream/")

    assert [part["content"] for part in parts] == [b"", b"tick 0;", b"tick 1;", b"tick 2;", b""]
    assert parts[0]["events_channel"].startswith("http.disconnect.")
    assert not any("events_channel" in part for part in parts[1:])


def test_a_short_response_invites_nobody(layer: MemoryLayer, worker: Worker) -> None:
    """A view that answers at once costs one message, as always."""
    (part,) = get(layer, worker, "/async/")

    assert (part["content"], "events_channel" in part) == (b"async", False)


@pytest.mark.parametrize("path", ["/crossed/", "/async/crossed/"])
def test_iterators_of_the_other_kind(layer: MemoryLayer, worker: Worker, path: str) -> None:
    """Are taken piece by piece too, without a warning, and need not end."""
    parts = get(layer, worker, path)

    assert [part["content"] for part in parts] == [b"", b"tick 0;", b"tick 1;", b"tick 2;", b""]


def test_a_file(layer: MemoryLayer, worker: Worker) -> None:
    """Is read in full chunks, on a thread for such code."""
    parts = get(layer, worker, "/async/file/")

    assert max(len(part["content"]) for part in parts) == 65_536
    assert headers_of(parts, b"content-length") == [b"600000"]


def test_head(layer: MemoryLayer, worker: Worker) -> None:
    """HEAD has no body."""
    parts = get(layer, worker, "/async/stream/", "HEAD")

    assert [(part["content"], part["more_content"]) for part in parts] == [(b"", False)]


def test_browser_sessions(layer: MemoryLayer, worker: Worker, database: None, settings: Any) -> None:
    """Middleware that reads the database runs on a thread for such code, and its signals too."""
    threads: list[str] = []

    def note(**kwargs: Any) -> None:
        threads.append(threading.current_thread().name)

    request_started.connect(note)
    request_finished.connect(note)
    settings.SESSION_SAVE_EVERY_REQUEST = True
    try:
        get(layer, worker, "/async/")
        wait_for(lambda: len(threads) == 2)
    finally:
        request_started.disconnect(note)
        request_finished.disconnect(note)

    assert threads[0] == threads[1] != "consumers"


def test_who_waits_holds_no_thread(layer: MemoryLayer, worker: Worker, poll: LongPoll) -> None:
    """While one client waits for what never comes, others are answered by the same loop."""
    waiting = http_message(layer, "/poll/", reply_channel=layer.reply_channel("patient"))
    worker.consume("http.request", waiting)
    assert poll.begun.wait(5.0)

    assert content_of(get(layer, worker, "/async/")) == b"async"
    leave(layer, layer.reply_channel("patient"))
    assert poll.ended.wait(5.0)


def test_a_client_that_leaves_cancels_the_view(
    layer: MemoryLayer, worker: Worker, poll: LongPoll, caplog: pytest.LogCaptureFixture
) -> None:
    """A view that has not answered for a moment invites the client's leaving; then it is cancelled where it waits."""
    with caplog.at_level(logging.INFO, "zmqlayer"):
        worker.consume("http.request", http_message(layer, "/poll/"))
        assert poll.begun.wait(5.0)

        leave(layer, layer.reply_channel())

        assert poll.ended.wait(5.0)
    assert (poll.how, caplog.records) == ("cancelled", [])


def test_a_client_that_leaves_ends_the_stream(layer: MemoryLayer, worker: Worker, poll: LongPoll) -> None:
    """The generator of a stream is closed where it waits: its ``finally`` runs at once."""
    worker.consume("http.request", http_message(layer, "/events/"))
    channel = read(layer)["events_channel"]
    assert read(layer)["content"] == b"data: first\n\n"
    assert poll.begun.wait(5.0)

    layer.send(channel, {"type": "http.disconnect", "reply_channel": layer.reply_channel(), "path": "/events/"})

    assert poll.ended.wait(5.0)
    assert poll.how == "closed"


def test_a_client_that_left_before_the_invitation(layer: MemoryLayer, worker: Worker, poll: LongPoll) -> None:
    """Nobody hears the invitation, which is known soon after."""
    layer.closed.add(layer.reply_channel())

    worker.consume("http.request", http_message(layer, "/poll/"))

    assert poll.ended.wait(5.0)
    assert poll.how == "cancelled"


def test_a_worker_that_stops(layer: MemoryLayer, worker: Worker, loop: ConsumerLoop, poll: LongPoll) -> None:
    """Its views are cancelled, and their clients told."""
    worker.consume("http.request", http_message(layer, "/poll/"))
    assert poll.begun.wait(5.0)

    assert not loop.stop(0.0)

    assert poll.how == "cancelled"
    assert [part["status"] for part in layer.sent(layer.reply_channel()) if "status" in part] == [500]


def test_a_slow_client_stops_nobody_else() -> None:
    """A response that waits for room waits alone."""
    layer = MemoryLayer(capacity=1)
    reply, parts = layer.reply_channel(), []
    waiting = Waiting(meanwhile=lambda: parts.extend(layer.sent(reply)))

    parts.extend(ask(layer, worker_for(layer, [], waiting), "/async/stream/"))

    assert content_of(parts) == b"tick 0;tick 1;tick 2;"
    assert len(waiting.waits) == 4


@pytest.mark.parametrize("path", ["/nothing/", "/async/nothing/", "/garbage/"])
def test_a_view_that_does_not_answer(
    layer: MemoryLayer, worker: Worker, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Django names the view, and the client gets its page."""
    parts = get(layer, worker, path)

    assert parts[0]["status"] == 500
    assert caplog.records


def wait_for(condition: Any) -> None:
    """Return when *condition* holds."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        threading.Event().wait(0.005)


def leave(layer: MemoryLayer, reply: str) -> None:
    """Be the server of a client that leaves: wait for the invitation, and say so there."""
    _, invitation = layer.receive([reply], block=True)
    assert invitation is not None and set(invitation) == {"events_channel"}
    channel = invitation["events_channel"]
    layer.send(channel, {"type": "http.disconnect", "reply_channel": reply, "path": "/poll/"})
