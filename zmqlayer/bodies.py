"""
Channels of one connection, with one reader: few messages wait at a time, and for long. Used by ``config.py`` and core.

The body of a request or of a response goes in pieces of 64 KiB to a channel that one reader takes it from. A reader
that is slow, be it a client or a view, should hold back the sender soon, and not lose a piece to ``expiry``: the
channel ends with its reader, so nothing lies in it for nobody. The same holds for the messages of a WebSocket's client
on their way to an application that was given the connection (``events_channel``).
"""

from __future__ import annotations

from typing import Final

__all__ = ["BODY_CAPACITY", "BODY_EXPIRY_S", "body_capacity", "body_expiry"]

BODY_CAPACITY: Final = 16
BODY_EXPIRY_S: Final = 3_600.0

_PREFIXES: Final = ("http.response.", "http.request.body?", "asgi.events.")


def body_capacity(channel: str, capacity: int) -> int:
    """Return how many messages a channel holds if others hold *capacity*."""
    return min(BODY_CAPACITY, capacity) if channel.startswith(_PREFIXES) else capacity


def body_expiry(channel: str, expiry: float) -> float:
    """Return the seconds after which an unread message of *channel* is dropped, if others are after *expiry*."""
    return max(BODY_EXPIRY_S, expiry) if channel.startswith(_PREFIXES) else expiry
