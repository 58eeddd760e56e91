"""The rest of a long request's body, taken from the mesh as fast as the application asks for it."""

from __future__ import annotations

import asyncio
from typing import Final

from zmqlayer.exceptions import LayerClosed
from zmqlayer.inlets import Inlet
from zmqlayer.sync import SyncLayer
from zmqlayer.worker.asgi.exceptions import BodyLost

__all__ = ["Upload"]

PREFETCH: Final = 2
"""Pieces on their way here while the application looks at one."""


class Upload:
    """
    One body channel.

    Attributes:
        is_complete: Whether the last piece was taken.
    """

    __slots__ = ("_inlet", "_order", "_turn", "is_complete")

    def __init__(self, layer: SyncLayer, channel: str) -> None:
        self.is_complete = False
        self._inlet = Inlet(layer, [channel], PREFETCH)
        self._order = 0
        self._turn = asyncio.Lock()

    async def next(self) -> bytes | None:
        """
        Return the next piece, after waiting for it; None if the client left, or :meth:`end` was called.

        Raises:
            BodyLost: There is a hole.
        """
        async with self._turn:
            try:
                messages = await self._inlet.receive(1)
            except LayerClosed:
                return None
            if not messages:
                return None
            ((_, message),) = messages
            if message.get("closed"):
                return None
            # Servers by the letter of the 2016 draft do not number the pieces.
            if message.get("order", self._order) != self._order:
                raise BodyLost(f"piece {self._order} of the request's body was lost on its way from the server")
            self._order += 1
            self.is_complete = not message.get("more_content")
            content = message.get("content") or b""
            return content if isinstance(content, bytes) else b""

    def end(self) -> None:
        """Take no more."""
        self._inlet.end()
