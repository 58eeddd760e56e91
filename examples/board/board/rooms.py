"""Rooms over a channel layer: what is said in one process is heard in all."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from zmqlayer import ChannelLayer

__all__ = ["Room", "make_layer"]


def make_layer() -> ChannelLayer:
    """Return a layer in the cluster of the board."""
    return ChannelLayer(cluster=os.environ.get("ZMQLAYER_CLUSTER", "board"))


class Room:
    """One room, as a group of channels."""

    def __init__(self, name: str, layer: ChannelLayer) -> None:
        self._group = f"room.{name}"
        self._layer = layer

    async def post(self, name: str, text: str) -> None:
        """Say something to everybody who listens."""
        await self._layer.group_send(self._group, {"name": name, "text": text})

    async def post_later(self, name: str, text: str, after_s: float) -> None:
        """Say something after a while."""
        await asyncio.sleep(after_s)
        await self.post(name, text)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
        """Hear everything that is said inside the block, from its first line on."""
        channel = await self._layer.new_channel()
        await self._layer.group_add(self._group, channel)
        try:
            yield self._posts(channel)
        finally:
            await self._layer.group_discard(self._group, channel)

    async def events(self) -> AsyncIterator[str]:
        """Return what is said as server-sent events; the first one is a comment, which says that nothing is missed."""
        async with self.listening() as posts:
            yield ": listening\n\n"
            async for post in posts:
                yield f"data: {json.dumps(post)}\n\n"

    async def _posts(self, channel: str) -> AsyncIterator[dict[str, str]]:
        while True:
            yield await self._layer.receive(channel)
