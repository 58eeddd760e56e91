"""The site of the talk: a chat and a blog, each with its routing, and the site's routing over both."""

from __future__ import annotations

from typing import Any

from zmqlayer.worker import Channel, Group, Message, channel_session, include, route


@channel_session
def chat_connect(message: Message, room: str) -> None:
    """Let a visitor into the room that the address names, and remember it."""
    assert message.reply_channel is not None
    message.channel_session["room"] = room
    message.reply_channel.send({"accept": True})
    Group(f"chat-{room}").add(message.reply_channel)


@channel_session
def chat_receive(message: Message) -> None:
    """Send what a visitor says to all in the room."""
    room = message.channel_session["room"]
    Group(f"chat-{room}").send({"text": message["text"]})


@channel_session
def chat_disconnect(message: Message) -> None:
    """Take a visitor out of the room."""
    assert message.reply_channel is not None
    room = message.channel_session["room"]
    Group(f"chat-{room}").discard(message.reply_channel)


def blog_connect(message: Message, slug: str) -> None:
    """Follow an article."""
    assert message.reply_channel is not None
    message.reply_channel.send({"accept": True})
    Group(f"article-{slug}").add(message.reply_channel)


def upload(message: Message) -> None:
    """Take a picture in, and leave the work to whoever reads ``thumbnail.make``."""
    for size in (64, 256):
        Channel("thumbnail.make").send({"picture": message["picture"], "size": size})
    Channel("asgi.delay").send({"channel": "picture.tidy", "delay": 60_000, "content": {"picture": message["picture"]}})


seen: list[dict[str, Any]] = []


def thumbnail(message: Message) -> None:
    """Make one thumbnail."""
    seen.append(dict(message.items()))


chat_routing = [
    route("websocket.connect", chat_connect, path=r"^/(?P<room>[a-z]+)/$"),
    route("websocket.receive", chat_receive),
    route("websocket.disconnect", chat_disconnect),
]

blog_routing = [
    route("websocket.connect", blog_connect, path=r"^/articles/(?P<slug>[-\w]+)/live/$"),
]

routing = [
    include("support.talk_site.chat_routing", path=r"^/chat"),
    include(blog_routing, path=r"^/blog"),
    route("picture.upload", upload),
    route("thumbnail.make", "support.talk_site.thumbnail"),
]
