"""Consumers of our worker: ``/echo`` echoes, and what is said in ``/room`` is heard by all there."""

from __future__ import annotations

from zmqlayer.worker import Group, Message, route


def accept(message: Message) -> None:
    """Let a client in."""
    message.reply_channel.send({"accept": True})


def echo(message: Message) -> None:
    """Say the same."""
    message.reply_channel.send({"text": message["text"]})


def join(message: Message) -> None:
    """Let a client into the room."""
    Group("room").add(message.reply_channel)
    message.reply_channel.send({"accept": True})


def say(message: Message) -> None:
    """Tell the room."""
    Group("room").send({"text": message["text"]})


def leave(message: Message) -> None:
    """Take a client out of the room."""
    Group("room").discard(message.reply_channel)


routes = [
    route("websocket.connect", accept, path="^/echo$"),
    route("websocket.receive", echo, path="^/echo$"),
    route("websocket.connect", join, path="^/room$"),
    route("websocket.receive", say, path="^/room$"),
    route("websocket.disconnect", leave, path="^/room$"),
]
