"""A room: what one socket says, all sockets of the same path hear. And a page with two streams on one socket."""

from __future__ import annotations

import os
from typing import Any

from zmqlayer.worker import Group, Message, route
from zmqlayer.worker.generic.websockets import (
    AsyncJsonWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketDemultiplexer,
    WebsocketMultiplexer,
)


def join(message: Message) -> None:
    """Let the socket in."""
    Group(_room(message)).add(message.reply_channel)
    message.reply_channel.send({"accept": True})


def say(message: Message) -> None:
    """Tell the room."""
    Group(_room(message)).send({"text": message["text"], "bytes": message["bytes"]})


def leave(message: Message) -> None:
    """Take the socket out."""
    Group(_room(message)).discard(message.reply_channel)


def _room(message: Message) -> str:
    return "room." + message["path"].strip("/")


class Sums(JsonWebsocketConsumer):
    """Adds numbers, and says which process did."""

    def receive(self, content: Any, multiplexer: WebsocketMultiplexer, **kwargs: Any) -> None:
        """Answer on the stream."""
        multiplexer.send({"sum": sum(content["numbers"]), "worker": os.getpid()})


class News(AsyncJsonWebsocketConsumer):
    """Tells all sockets of the same page, from a coroutine."""

    def connection_groups(self, **kwargs: Any) -> list[str]:
        """One group for each page."""
        return [f"news.{kwargs['page']}"]

    async def receive(self, content: Any, multiplexer: WebsocketMultiplexer, **kwargs: Any) -> None:
        """Publish."""
        await multiplexer.agroup_send(f"news.{kwargs['page']}", "news", content)


class Page(WebsocketDemultiplexer):
    """Both on one socket."""

    consumers = {"sums": Sums, "news": News}  # noqa: RUF012  # as users write it


routes = [
    Page.as_route(path=r"^/streams/(?P<page>\w+)/$"),
    route("websocket.connect", join),
    route("websocket.receive", say),
    route("websocket.disconnect", leave),
]
