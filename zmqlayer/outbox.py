"""
The outbox: what one node decided to do, collected in order.

Nothing is sent here: ``pump.py`` takes the actions after each step and gives them to the transport.
"""

from __future__ import annotations

from typing import Final

from zmqlayer.actions import Action, Publish
from zmqlayer.codec import pack_control
from zmqlayer.frames import BROADCAST, Kind, node_topic, pack, pack_batch
from zmqlayer.names import NodeId

__all__ = ["Outbox"]

MOST_IN_BATCH: Final = 64
MOST_BATCH_BYTES: Final = 65_536


class _Batch:
    """Messages to one process channel that leave together, in one frame, because nothing else comes in between."""

    __slots__ = ("bodies", "channel", "owner", "sequence", "size", "ttl_ms")

    def __init__(self, owner: NodeId, channel: str, ttl_ms: int, sequence: int, body: bytes) -> None:
        self.owner = owner
        self.channel = channel
        self.ttl_ms = ttl_ms
        self.sequence = sequence
        self.bodies = [body]
        self.size = len(body)

    def add(self, channel: str, ttl_ms: int, sequence: int, body: bytes) -> bool:
        """Add one more message; False if it does not fit in, and needs a frame of its own."""
        bodies, size = self.bodies, self.size + len(body)
        if self.channel != channel or self.ttl_ms != ttl_ms or self.sequence + len(bodies) != sequence:
            return False
        if size > MOST_BATCH_BYTES or len(bodies) >= MOST_IN_BATCH:
            return False
        bodies.append(body)
        self.size = size
        return True

    def pack(self, source: NodeId) -> Publish:
        topic, bodies = node_topic(self.owner), self.bodies
        kind, body = (Kind.DIRECT, bodies[0]) if len(bodies) == 1 else (Kind.BATCH, pack_batch(bodies))
        return Publish(pack(topic, kind, source, self.ttl_ms, self.channel, body, self.sequence))


class Outbox:
    """
    The actions of one node, in the order in which they were decided.

    Attributes:
        actions: What was collected so far; :meth:`take` makes it what a transport understands.
        tick_by: Monotonic seconds at which a part of the core wants to be ticked, at the latest.
    """

    def __init__(self, node_id: NodeId) -> None:
        self.node_id = node_id
        self.tick_by = float("inf")
        self.actions: list[Action | _Batch] = []
        self.do = self.actions.append

    def __bool__(self) -> bool:
        return bool(self.actions)

    def take(self) -> list[Action]:
        """Return what was collected since the last call."""
        taken, self.actions = self.actions, []
        self.do = self.actions.append
        return [action.pack(self.node_id) if isinstance(action, _Batch) else action for action in taken]

    def mail(self, owner: NodeId, channel: str, ttl_ms: int, sequence: int, body: bytes) -> None:
        """Publish one message to a process channel of *owner*."""
        last = self.actions[-1] if self.actions else None
        if type(last) is not _Batch or not last.add(channel, ttl_ms, sequence, body):
            self.actions.append(_Batch(owner, channel, ttl_ms, sequence, body))

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
