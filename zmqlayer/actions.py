"""
What the core asks of a transport, as values, and the outbox that collects them in order.

Nothing is sent here: ``node.py`` takes the actions after each step and gives them to the transport.
"""

from __future__ import annotations

from typing import NamedTuple

from zmqlayer.codec import pack_control
from zmqlayer.frames import BROADCAST, Kind, node_topic, pack
from zmqlayer.names import NodeId

__all__ = ["Action", "Connect", "Disconnect", "HangUp", "Outbox", "Publish", "Push", "Subscribe", "Unsubscribe"]


class Publish(NamedTuple):
    """Send *wire* on XPUB; its first 17 bytes are the topic."""

    wire: bytes


class Push(NamedTuple):
    """Send *wire* to the PULL at *address*, connecting first if need be."""

    address: str
    wire: bytes


class HangUp(NamedTuple):
    """Close the PUSH to *address* and drop what it still holds."""

    address: str


class Subscribe(NamedTuple):
    """Subscribe to *topic* at every publisher."""

    topic: bytes


class Unsubscribe(NamedTuple):
    """Take one subscription back."""

    topic: bytes


class Connect(NamedTuple):
    """Connect SUB to the XPUB at *address*."""

    address: str


class Disconnect(NamedTuple):
    """Disconnect SUB from the XPUB at *address*."""

    address: str


Action = Publish | Push | HangUp | Subscribe | Unsubscribe | Connect | Disconnect


class Outbox:
    """
    The actions of one node, in the order in which they were decided.

    Attributes:
        tick_by: Monotonic seconds at which a part of the core wants to be ticked, at the latest.
    """

    def __init__(self, node_id: NodeId) -> None:
        self.node_id = node_id
        self.tick_by = float("inf")
        self._actions: list[Action] = []
        self.do = self._actions.append

    def __bool__(self) -> bool:
        return bool(self._actions)

    def take(self) -> list[Action]:
        """Return what was collected since the last call."""
        taken, self._actions = self._actions, []
        self.do = self._actions.append
        return taken

    def call_by(self, at: float) -> None:
        """Ask for a tick at monotonic second *at*, or earlier."""
        self.tick_by = min(self.tick_by, at)

    def control(self, topic: bytes, kind: Kind, payload: dict[str, object]) -> None:
        """Publish a control frame on *topic*."""
        self.do(Publish(pack(topic, kind, self.node_id, 0, "", pack_control(payload))))

    def tell(self, peer: NodeId, kind: Kind, payload: dict[str, object]) -> None:
        """Publish a control frame to one peer."""
        self.control(node_topic(peer), kind, payload)

    def tell_all(self, kind: Kind, payload: dict[str, object]) -> None:
        """Publish a control frame to every node."""
        self.control(BROADCAST, kind, payload)
