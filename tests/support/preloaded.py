"""The application of ``examples/rooms`` for a server that loads it before it forks, and has sent messages by then."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from rooms.asgi import application
from rooms.posts import group_of, post

__all__ = ["application"]

async_to_sync(get_channel_layer().group_send)(group_of("lobby"), post("notice", "The parent", "Not forked yet"))
