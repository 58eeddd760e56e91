"""
Consumers of WebSockets that are classes.

::

    class Chat(JsonWebsocketConsumer):
        http_user = True

        def connection_groups(self, room, **kwargs):
            return [f"chat-{room}"]

        def receive(self, content, room, **kwargs):
            self.group_send(f"chat-{room}", {"from": str(self.message.user), "text": content["text"]})

    routes = [Chat.as_route(path=r"^/chat/(?P<room>\\w+)/$")]

There is one instance for each message, on whichever worker it came to. With coroutines it is the same class behind
``Async``: ``async def receive`` and ``await self.send(...)``.
"""

from __future__ import annotations

from zmqlayer.worker.generic.coroutines import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
from zmqlayer.worker.generic.sockets import JsonWebsocketConsumer, WebsocketConsumer
from zmqlayer.worker.generic.streams import WebsocketDemultiplexer, WebsocketMultiplexer

__all__ = [
    "AsyncJsonWebsocketConsumer",
    "AsyncWebsocketConsumer",
    "JsonWebsocketConsumer",
    "WebsocketConsumer",
    "WebsocketDemultiplexer",
    "WebsocketMultiplexer",
]
