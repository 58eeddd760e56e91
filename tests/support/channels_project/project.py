"""The settings and consumers of a project on Channels 4, as a user would write them."""

from __future__ import annotations

import re
from typing import Any

from asgiref.sync import async_to_sync
from channels.consumer import SyncConsumer
from channels.exceptions import ChannelFull
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from django.dispatch import Signal
from django.urls import path

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = ["channels"]
USE_TZ = True

BACKEND = "zmqlayer.ChannelLayer"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": BACKEND,
        "CONFIG": {
            "discovery": "off",
            "expiry": 60,
            "group_expiry": 86400,
            "capacity": 100,
            "channel_capacity": {"small.*": 2, re.compile(r"^tiny\."): 1},
        },
        "TEST_CONFIG": {"discovery": "off", "capacity": 3},
    },
    "plain": {"BACKEND": BACKEND},
    "wrong": {"BACKEND": BACKEND, "CONFIG": {"capacity": 0}},
}

saved = Signal()


def tell_everybody(sender: object, text: str, **kwargs: object) -> None:
    """Tell a room, from a signal: the call may come from any thread, with or without a loop."""
    async_to_sync(get_channel_layer().group_send)("room", {"type": "chat.message", "text": text})


saved.connect(tell_everybody)


class Chat(AsyncJsonWebsocketConsumer):
    """A room for coroutines."""

    async def connect(self) -> None:
        """Join."""
        await self.channel_layer.group_add("room", self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Leave."""
        await self.channel_layer.group_discard("room", self.channel_name)

    async def receive_json(self, content: Any, **kwargs: object) -> None:
        """Pass on to everybody; or fill a channel, and say how that went."""
        if content["text"] == "fill":
            await self.fill()
        else:
            await self.channel_layer.group_send("room", {"type": "chat.message", "text": content["text"]})

    async def fill(self) -> None:
        """Send until there is no room."""
        try:
            for _ in range(3):
                await self.channel_layer.send("small.jobs", {"type": "job"})
        except ChannelFull:
            await self.send_json({"text": "full"})

    async def chat_message(self, event: Any) -> None:
        """Hand over what came from the room."""
        await self.send_json({"text": event["text"]})


class SyncChat(JsonWebsocketConsumer):
    """The same room for threads."""

    def connect(self) -> None:
        """Join."""
        async_to_sync(self.channel_layer.group_add)("room", self.channel_name)
        self.accept()

    def disconnect(self, code: int) -> None:
        """Leave."""
        async_to_sync(self.channel_layer.group_discard)("room", self.channel_name)

    def receive_json(self, content: Any, **kwargs: object) -> None:
        """Pass on to everybody."""
        async_to_sync(self.channel_layer.group_send)("room", {"type": "chat.message", "text": content["text"]})

    def chat_message(self, event: Any) -> None:
        """Hand over what came from the room."""
        self.send_json({"text": event["text"]})


class Jobs(SyncConsumer):
    """A background worker, as ``runworker`` runs it."""

    def job(self, message: Any) -> None:
        """Answer on the channel that the message names."""
        async_to_sync(self.channel_layer.send)(message["answer"], {"type": "done", "n": message["n"]})


websockets = URLRouter([path("chat/", Chat.as_asgi()), path("sync-chat/", SyncChat.as_asgi())])
