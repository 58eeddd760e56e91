"""Which consumer gets which WebSocket, and which named channel."""

from __future__ import annotations

from django.urls import re_path

from rooms.consumers import DiceConsumer, RoomConsumer
from rooms.posts import ROOM

websockets = [re_path(rf"^{ROOM}/$", RoomConsumer.as_asgi())]
channels = {"dice": DiceConsumer.as_asgi()}
