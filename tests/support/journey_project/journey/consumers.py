"""A room: what one socket says, all sockets of the same path hear."""

from __future__ import annotations

from zmqlayer.worker import Group, Message, route


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


routes = [
    route("websocket.connect", join),
    route("websocket.receive", say),
    route("websocket.disconnect", leave),
]
