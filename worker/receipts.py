"""
Receipts: a worker tells an interface server that the consumer of one message has ended.

The server then sends the next message of that WebSocket, so that consumers see the messages of a connection one after
the other, whichever workers they run on. Used by :mod:`zmqlayer.worker.outbox`, for every consumer; consumers need not
know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from zmqlayer.messages import WEBSOCKET_CONNECT, WEBSOCKET_RECEIVE
from zmqlayer.messages import Message as Content

__all__ = ["Receipt", "read_receipt"]

IN_TURN: Final = frozenset({WEBSOCKET_CONNECT, WEBSOCKET_RECEIVE})
"""The channels on which one message of a connection waits for the one before; a disconnect is the last anyway."""
CONSUMED: Final = "consumed"


Target = TypeVar("Target", covariant=True)


@dataclass(frozen=True, slots=True)
class Receipt(Generic[Target]):
    """
    One message of a WebSocket, and how to tell its server about it.

    Attributes:
        target: The reply channel of the WebSocket.
        order: The place of the message among those of its connection.
    """

    target: Target
    order: int

    def on_the_way(self, content: Content) -> Content:
        """Return *content* as it is sent while the consumer runs: all messages before this one are consumed."""
        return {**content, CONSUMED: self.order - 1}

    def at_the_end(self, content: Content) -> Content:
        """Return *content* as it is sent when the consumer has ended and nothing else of it follows."""
        return {**content, CONSUMED: self.order}


def read_receipt(reply: Target | None, channel: str, content: Content) -> Receipt[Target] | None:
    """
    Return the receipt for a message that was received on *channel*, or None if nobody waits for one.

    Args:
        reply: The message's reply channel, if it has one.
    """
    if channel not in IN_TURN or reply is None:
        return None
    order = content.get("order")
    return Receipt(reply, order) if isinstance(order, int) else None
