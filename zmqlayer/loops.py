"""
An event loop of asyncio in the place of a reactor: what ``ReactorLayer`` of ``twisted.py`` asks of one.

So whoever holds many connections in one loop hears of room, of ends and of messages as an interface server does.
"""

from __future__ import annotations

import asyncio

from zmqlayer.driving import LoopReactor
from zmqlayer.exceptions import ChannelFull, ZmqLayerError
from zmqlayer.messages import Message
from zmqlayer.ports import Wish
from zmqlayer.sync import SyncLayer
from zmqlayer.twisted import ReactorLayer

__all__ = ["loop_layer", "send_patiently"]


def loop_layer(layer: SyncLayer) -> ReactorLayer:
    """Return a layer on the node of *layer* for the loop that runs here; ``stop`` it before the loop ends."""
    return ReactorLayer(layer, LoopReactor(asyncio.get_running_loop()))


async def send_patiently(layer: ReactorLayer, channel: str, message: Message) -> None:
    """
    Send one message; wait for room if there is none.

    Who waits first is served first, and others are not woken for it. What is sent to an owner that is gone is dropped.

    Raises:
        MessageTooLarge, InvalidName, InvalidMessage, LayerClosed: As in ``SyncLayer.send``.
    """
    try:
        return layer.send(channel, message)
    except ChannelFull:
        waiting = _Waiting(layer, channel, message)
    try:
        return await waiting.is_sent
    finally:
        waiting.cancel()


class _Waiting:
    """
    One message in line for room.

    Attributes:
        is_sent: Done when it was sent, or cannot be.
    """

    __slots__ = ("_channel", "_layer", "_message", "_wish", "is_sent")

    def __init__(self, layer: ReactorLayer, channel: str, message: Message) -> None:
        self.is_sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._layer = layer
        self._channel = channel
        self._message = message
        self._wish: Wish = layer.when_room(channel, self._try)

    def cancel(self) -> None:
        """It is not to be sent any more, unless it was."""
        self._wish.cancel()

    def _try(self) -> None:
        if self.is_sent.done():  # cancelled
            return
        try:
            self._layer.send(self._channel, self._message)
        except ChannelFull:
            self._wish = self._layer.when_room(self._channel, self._try)
        except ZmqLayerError as exc:
            self.is_sent.set_exception(exc)
        else:
            self.is_sent.set_result(None)
