"""The Django project whose worker is measured: two views that greet, and WebSockets that count in their session."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from zmqlayer.worker import Group, Message, channel_session, route, route_class
from zmqlayer.worker.generic.websockets import WebsocketConsumer


def hello(request: HttpRequest) -> HttpResponse:
    """Greet."""
    return HttpResponse(b"Hello, world!", content_type="text/plain")


async def hello_async(request: HttpRequest) -> HttpResponse:
    """Greet from a coroutine."""
    return HttpResponse(b"Hello, world!", content_type="text/plain")


@channel_session
def connect(message: Message) -> None:
    """Let a socket in, and begin to count."""
    message.channel_session["heard"] = 0
    Group("all").add(message.reply_channel)
    message.reply_channel.send({"accept": True})


@channel_session
def receive(message: Message) -> None:
    """Count, and say the number."""
    message.channel_session["heard"] += 1
    message.reply_channel.send({"text": str(message.channel_session["heard"])})


@channel_session
def disconnect(message: Message) -> None:
    """Take the socket out of its group."""
    Group("all").discard(message.reply_channel)


class Counter(WebsocketConsumer):
    """The same as a class."""

    channel_session = True
    groups = ("all",)

    def connect(self, message: Message, **kwargs: Any) -> None:
        """Let a socket in, and begin to count."""
        message.channel_session["heard"] = 0
        super().connect(message, **kwargs)

    def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
        """Count, and say the number."""
        self.message.channel_session["heard"] += 1
        self.send(text=str(self.message.channel_session["heard"]))


urlpatterns = [path("", hello), path("async", hello_async)]
routes = [
    route("websocket.connect", connect, path="^/function"),
    route("websocket.receive", receive, path="^/function"),
    route("websocket.disconnect", disconnect, path="^/function"),
    route_class(Counter, path="^/class"),
]
