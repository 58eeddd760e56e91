"""
The outbox: what one node decided to do, collected in order.

Nothing is sent here: ``node.py`` takes the actions after each step and gives them to the transport.
"""

from __future__ import annotations

from zmqlayer.actions import Action, Publish
from zmqlayer.codec import pack_control
from zmqlayer.frames import BROADCAST, Kind, node_topic, pack
from zmqlayer.names import NodeId

__all__ = ["Outbox"]


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
