"""The Django project whose worker is measured: two views that greet, and WebSockets that count in their session."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from zmqlayer.worker import Group, Message, channel_session, route


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


urlpatterns = [path("", hello), path("async", hello_async)]
routes = [
    route("websocket.connect", connect, path="^/function"),
    route("websocket.receive", receive, path="^/function"),
    route("websocket.disconnect", disconnect, path="^/function"),
]
