"""The same as ``routes`` for Channels 4."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer


class Echo(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """Says the same."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Say it."""
        await self.send(text_data=text_data)


class Room(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """One client in the room."""

    groups = ("room",)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Tell the room."""
        await self.channel_layer.group_send("room", {"type": "room.said", "text": text_data})

    async def room_said(self, event: dict[str, Any]) -> None:
        """Tell the client."""
        await self.send(text_data=event["text"])
