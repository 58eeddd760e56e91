"""The WebSocket of a room, and the worker that rolls its dice. Each may run in any process."""

from __future__ import annotations

import os
import random
from typing import Any

from channels.consumer import AsyncConsumer
from channels.exceptions import ChannelFull
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from rooms.posts import group_of, post

__all__ = ["DiceConsumer", "RoomConsumer"]


class RoomConsumer(AsyncJsonWebsocketConsumer):
    """One browser in one room."""

    room: str

    async def connect(self) -> None:
        """Join the room's group, then let the browser in: it misses nothing that is said from then on."""
        self.room = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(group_of(self.room), self.channel_name)
        await self.accept()
        await self.send_json({"kind": "welcome", "process": os.getpid()})

    async def disconnect(self, code: int) -> None:
        """Leave the room."""
        await self.channel_layer.group_discard(group_of(self.room), self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Tell the room what was said, or let a worker roll dice for ``/roll``."""
        name, text = str(content["name"]), str(content["text"]).strip()
        if text.startswith("/roll"):
            await self.roll(name)
        elif text:
            await self.channel_layer.group_send(group_of(self.room), post("said", name, text))

    async def roll(self, name: str) -> None:
        """Ask any one worker; if a hundred rolls wait for one already, say so."""
        try:
            await self.channel_layer.send("dice", {"type": "dice.roll", "room": self.room, "name": name})
        except ChannelFull:
            await self.send_json(post("notice", "The table", "is full: no worker takes the dice."))

    async def room_post(self, event: dict[str, Any]) -> None:
        """Show the browser what somebody posted into the room."""
        await self.send_json(event)


class DiceConsumer(AsyncConsumer):
    """Rolls dice for all rooms, in ``manage.py runworker dice``. Each roll is taken by one worker."""

    async def dice_roll(self, message: dict[str, Any]) -> None:
        """Roll two dice, and tell the room."""
        first, second = random.randint(1, 6), random.randint(1, 6)
        text = f"rolled {first} and {second}"
        await self.channel_layer.group_send(group_of(message["room"]), post("rolled", message["name"], text))
