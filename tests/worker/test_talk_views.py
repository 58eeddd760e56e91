"""The talk's view consumer: views are one consumer among others, and anybody can write another."""

from __future__ import annotations

from django.http import HttpResponse

from support.memory_layer import MemoryLayer
from support.worker_run import Waiting, ask, content_of, worker_for
from zmqlayer.exceptions import ChannelFull
from zmqlayer.worker import Message, route
from zmqlayer.worker.handler import AsgiHandler, ViewConsumer


def test_the_talks_view_consumer() -> None:
    """
    A consumer of ``http.request`` makes a response and sends it in chunks, waiting where the channel is full.

    It takes the place of Django's views; all they have in addition is in ``ViewConsumer``.
    """
    layer, read, waits = MemoryLayer(capacity=2), [], []

    def wait() -> None:
        waits.append(len(read))
        read.extend(layer.sent(layer.reply_channel()))  # the client catches up

    def view_consumer(message: Message) -> None:
        response = HttpResponse(b"chunk " * 50_000)
        for chunk in AsgiHandler.encode_response(response):
            while True:
                try:
                    message.reply_channel.send(dict(chunk), immediately=True)
                    break
                except ChannelFull:
                    wait()

    read_at_the_end = ask(layer, worker_for(layer, [route("http.request", view_consumer)], Waiting()), "/anywhere/")

    assert content_of([*read, *read_at_the_end]) == b"chunk " * 50_000
    assert waits == [0, 2]


def test_only_some_requests_go_elsewhere(layer: MemoryLayer) -> None:
    """A route with a filter takes its requests, and the views get the others."""

    def ping(message: Message) -> None:
        message.reply_channel.send({"status": 200, "content": b"pong", "more_content": False})

    worker = worker_for(layer, [route("http.request", ping, path=r"^/ping/$")])

    assert content_of(ask(layer, worker, "/ping/")) == b"pong"
    assert content_of(ask(layer, worker, "/hello/")) == b"Hello, nobody"


def test_the_views_with_another_handler(layer: MemoryLayer) -> None:
    """What runs the views can be extended."""

    class SignedHandler(AsgiHandler):
        def get_response(self, request):  # type: ignore[no-untyped-def]  # as a user writes it
            response = super().get_response(request)
            response["X-Signed"] = "yes"
            return response

    class SignedConsumer(ViewConsumer):
        handler_class = SignedHandler

    parts = ask(layer, worker_for(layer, [route("http.request", SignedConsumer())]), "/hello/")

    assert [b"x-signed", b"yes"] in parts[0]["headers"]
