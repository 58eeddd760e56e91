"""Word to workers that a body they may be reading ends before its end. One for all connections of a server."""

from __future__ import annotations

import logging
from collections import deque
from typing import Final, cast

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.messages import Body, Message
from zmqlayer.ports import ServerLayer

__all__ = ["FAREWELLS", "Farewells"]

logger = logging.getLogger(__name__)

FAREWELLS: Final = 1_000


class Farewells:
    """
    Sends ``closed`` on body channels.

    A worker that reads the body no further leaves the message where it is for an hour. So that clients which send
    half a body and leave cannot fill the server with these, only the latest are kept.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int = FAREWELLS) -> None:
        self._most = most
        self._channels: deque[str] = deque()

    def send(self, layer: ServerLayer, channel: str) -> None:
        """Tell the reader of a body channel, in which nothing waits, that nothing more comes."""
        try:
            layer.send(channel, cast(Message, Body(closed=True)))
        except ZmqLayerError as exc:
            logger.debug("nobody is told that %s is broken off: %s", channel, exc)
            return
        self._channels.append(channel)
        if len(self._channels) > self._most:
            layer.drop(self._channels.popleft())
