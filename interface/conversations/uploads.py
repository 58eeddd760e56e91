"""
The rest of a long body, on its way to the one worker that reads it. Used by ``http.py``.

A full channel holds back the client, so that a slow view costs no more memory than the channel's capacity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from zmqlayer.exceptions import ChannelFull
from zmqlayer.interface.conversations.body import Pieces
from zmqlayer.messages import Message
from zmqlayer.ports import ServerLayer, Wish

__all__ = ["Upload"]


class Upload:
    """
    One body channel and what is sent there.

    Args:
        on_room: Called when a channel that :meth:`flow` found full has room again.

    Attributes:
        channel: The channel's name.
    """

    __slots__ = ("_layer", "_on_room", "_pieces", "_wish", "channel")

    def __init__(self, layer: ServerLayer, channel: str, pieces: Pieces, on_room: Callable[[], None]) -> None:
        self.channel = channel
        self._layer = layer
        self._pieces = pieces
        self._on_room = on_room
        self._wish: Wish | None = None

    def flow(self) -> bool:
        """
        Send what has arrived.

        Returns:
            Whether the channel took all of it; if not, *on_room* follows.

        Raises:
            ZmqLayerError: The layer takes nothing more.
        """
        if self._wish is not None:
            return False
        while (piece := self._pieces.next()) is not None:
            try:
                self._layer.send(self.channel, cast(Message, piece))
            except ChannelFull:
                self._wish = self._layer.when_room(self.channel, self._ready)
                return False
            self._pieces.sent()
        return True

    def drop(self) -> None:
        """Throw away what the worker has not read: nobody wants it any more."""
        if self._wish is not None:
            self._wish.cancel()
            self._wish = None
        self._layer.drop(self.channel)

    def _ready(self) -> None:
        self._wish = None
        self._on_room()
