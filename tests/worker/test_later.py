"""``ResponseLater``: a view that leaves the answer to somebody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.signals import request_finished
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path

from support.memory_layer import MemoryLayer
from support.worker_run import ask, content_of, worker_for
from zmqlayer.worker import Channel, Group, Message, route
from zmqlayer.worker.handler import AsgiHandler, AsgiRequest

seen: list[HttpResponseBase] = []


def watch(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Be middleware that looks at responses."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response["X-Seen"] = "yes"
        seen.append(response)
        return response

    return respond


@pytest.fixture
def finished() -> Iterator[list[str]]:
    """How often a request was finished."""
    heard: list[str] = []

    def note(**kwargs: Any) -> None:
        heard.append("finished")

    request_finished.connect(note)
    yield heard
    request_finished.disconnect(note)


@pytest.mark.parametrize("path", ["/later/", "/raised-later/", "/async/later/"])
def test_nothing_is_sent_when_the_view_returns(
    layer: MemoryLayer, path: str, finished: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """It may be returned, or raised as in Channels 1.x; the request is finished as any other."""
    assert ask(layer, worker_for(layer, []), path) == []
    assert finished == ["finished"]
    assert caplog.records == []


def create_and_raise(request: HttpRequest) -> HttpResponse:
    """Store a row, send a message when it is committed, and leave the answer to somebody else."""
    get_user_model().objects.create(username="ada")
    Channel("work", channel_layer=request.message.channel_layer).send({}, on_commit=True)  # type: ignore[attr-defined]
    raise AsgiRequest.ResponseLater


def create_and_fail(request: HttpRequest) -> HttpResponse:
    """Store a row, and fail."""
    get_user_model().objects.create(username="ada")
    raise RuntimeError("broken")


async def raise_later(request: HttpRequest) -> HttpResponse:
    """Leave the answer to somebody else, from a coroutine."""
    raise AsgiRequest.ResponseLater


urlpatterns = [
    path("raises/", create_and_raise),
    path("fails/", create_and_fail),
    path("async/raises/", transaction.non_atomic_requests(raise_later)),
]


@pytest.fixture
def atomic_requests(database: None, settings: Any) -> Iterator[None]:
    """Let each request be one transaction."""
    settings.ROOT_URLCONF = __name__
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    connection.settings_dict["ATOMIC_REQUESTS"] = False


@pytest.mark.usefixtures("atomic_requests")
def test_what_is_raised_is_committed_as_what_is_returned(layer: MemoryLayer) -> None:
    """It is no failure, so the request's transaction is not rolled back, and what waits for its commit is sent."""
    answer = ask(layer, worker_for(layer, []), "/raises/")

    assert answer == []
    assert get_user_model().objects.count() == 1
    assert layer.sent("work") == [{}]


@pytest.mark.usefixtures("atomic_requests")
def test_failures_are_rolled_back(layer: MemoryLayer) -> None:
    """As everywhere."""
    answer = ask(layer, worker_for(layer, []), "/fails/")

    assert answer[0]["status"] == 500
    assert get_user_model().objects.count() == 0


@pytest.mark.usefixtures("atomic_requests")
def test_coroutines_may_raise_it(layer: MemoryLayer) -> None:
    """Django has no transaction around them."""
    assert ask(layer, worker_for(layer, []), "/async/raises/") == []


def test_middleware_sees_a_response(layer: MemoryLayer, settings: Any) -> None:
    """Middleware that changes headers, or asks for the status, need not know of it."""
    settings.MIDDLEWARE = ["tests.worker.test_later.watch" if __name__.startswith("tests.") else f"{__name__}.watch"]
    seen.clear()

    ask(layer, worker_for(layer, []), "/later/")

    assert [(type(response), response.status_code) for response in seen] == [(AsgiHandler.ResponseLater, 200)]
    assert isinstance(seen[0], HttpResponse)
    assert AsgiHandler.ResponseLater is AsgiRequest.ResponseLater


def test_another_consumer_answers(layer: MemoryLayer) -> None:
    """It needs nothing but the name of the reply channel."""

    def answer(message: Message) -> None:
        for part in AsgiHandler.encode_response(HttpResponse("at last", status=201)):
            Channel(message["to"], channel_layer=message.channel_layer).send(dict(part))

    worker = worker_for(layer, [route("work.done", answer)])
    ask(layer, worker, "/later/")
    worker.consume("work.done", {"to": layer.reply_channel()})

    parts = layer.sent(layer.reply_channel())
    assert (parts[0]["status"], content_of(parts)) == (201, b"at last")


def test_a_thread_answers(layer: MemoryLayer) -> None:
    """Outside consumers, messages go out at once."""
    reply = Channel(layer.reply_channel(), channel_layer=layer)

    def answer() -> None:
        for part in AsgiHandler.encode_response(HttpResponse(b"x" * 100_000)):
            reply.send(dict(part))

    ask(layer, worker_for(layer, []), "/later/")
    thread = threading.Thread(target=answer)
    thread.start()
    thread.join()

    assert len(content_of(layer.sent(reply.name))) == 100_000


def test_a_group_answers(layer: MemoryLayer) -> None:
    """Many clients that wait for the same are answered with one message."""
    replies = [layer.reply_channel(name) for name in ("ada", "grace")]
    worker, group = worker_for(layer, []), Group("waiting", channel_layer=layer)
    for reply in replies:
        ask(layer, worker, "/later/", reply_channel=reply)
        group.add(reply)

    (part,) = AsgiHandler.encode_response(HttpResponse("news"))
    group.send(dict(part))

    assert [content_of(layer.sent(reply)) for reply in replies] == [b"news", b"news"]
