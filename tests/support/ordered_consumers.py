"""Consumers that say who they are, with ``enforce_ordering`` and without."""

from __future__ import annotations

import hashlib
import os

from zmqlayer.worker import Message, route
from zmqlayer.worker.sessions import enforce_ordering

ROUNDS = 20_000


def loose(message: Message) -> None:
    """Say who is here, after work that takes its time for every third message."""
    if int(message["text"]) % 3 == 0:
        hashlib.pbkdf2_hmac("sha256", b"", b"", ROUNDS)
    message.reply_channel.send({"text": f"{message['text']} {os.getpid()}"})


def strict(message: Message) -> None:
    """Say who is here, and how many have been counted in the session."""
    message.channel_session["n"] = message.channel_session.get("n", 0) + 1
    if message.channel_session["n"] != message["order"]:
        message.reply_channel.send({"text": f"{message['order']} finds {message.channel_session['n']}"})
    loose(message)


async def strict_later(message: Message) -> None:
    """The same from a coroutine."""
    await message.channel_session.aset("n", await message.channel_session.aget("n", 0) + 1)
    if message.channel_session["n"] != message["order"]:
        await message.reply_channel.asend({"text": f"{message['order']} finds {message.channel_session['n']}"})
    loose(message)


@enforce_ordering
def leave(message: Message) -> None:
    """End the session."""


routes = [
    route("websocket.receive", enforce_ordering(strict), path="^/strict/"),
    route("websocket.receive", enforce_ordering(strict_later), path="^/later/"),
    route("websocket.receive", loose, path="^/loose/"),
    route("websocket.disconnect", leave, path="^/(?:strict|later)/"),
]
