"""What the core asks of a transport, as values."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Action", "Connect", "Disconnect", "HangUp", "Probe", "Publish", "Push", "Subscribe", "Unsubscribe"]


class Publish(NamedTuple):
    """Send *wire* on XPUB; its first 17 bytes are the topic."""

    wire: bytes


class Push(NamedTuple):
    """
    Send *wire* to the PULL at *address*, connecting first if need be.

    With a *door* it is dialled with the secret of that door, anew if it was dialled with another.
    """

    address: str
    wire: bytes
    door: int | None = None


class Probe(NamedTuple):
    """Find out whether anybody listens at *address*; if it answers or refuses, the mesh is told (``probed``)."""

    address: str


class HangUp(NamedTuple):
    """Close the PUSH to *address* and drop what it still holds; give up its probe."""

    address: str


class Subscribe(NamedTuple):
    """Subscribe to *topic* at every publisher."""

    topic: bytes


class Unsubscribe(NamedTuple):
    """Take one subscription back."""

    topic: bytes


class Connect(NamedTuple):
    """Connect SUB to the XPUB at *address*, with the secret of *door*."""

    address: str
    door: int = 0


class Disconnect(NamedTuple):
    """Disconnect SUB from the XPUB at *address*."""

    address: str


Action = Publish | Push | Probe | HangUp | Subscribe | Unsubscribe | Connect | Disconnect
