"""
The outbox: what one node decided to do, collected in order.

Nothing is sent here: ``pump.py`` takes the actions after each step and gives them to the transport.
"""

from __future__ import annotations

from typing import Final

from zmqlayer.actions import Action, Publish
from zmqlayer.batches import MailBatch, WorkBatch
from zmqlayer.codec import pack_control
from zmqlayer.frames import BROADCAST, Kind, node_topic, pack
from zmqlayer.names import NodeId
from zmqlayer.peers import Peer
from zmqlayer.queues import Letter

__all__ = ["Outbox"]

BATCHES: Final = (MailBatch, WorkBatch)
LOOK_BACK: Final = 16
"""So far back a batch of work is looked for: readers that take turns are fewer."""


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
        self.actions: list[Action | MailBatch | WorkBatch] = []
        self.do = self.actions.append

    def __bool__(self) -> bool:
        return bool(self.actions)

    def take(self) -> list[Action]:
        """Return what was collected since the last call."""
        taken, self.actions = self.actions, []
        self.do = self.actions.append
        here = self.node_id
        return [action.pack(here) if isinstance(action, BATCHES) else action for action in taken]

    def mail(self, owner: NodeId, channel: str, ttl_ms: int, sequence: int, body: bytes) -> None:
        """Publish one message to a process channel of *owner*."""
        last = self.actions[-1] if self.actions else None
        if type(last) is not MailBatch or not last.add(channel, ttl_ms, sequence, body):
            self.actions.append(MailBatch(owner, channel, ttl_ms, sequence, body))

    def work(self, peer: Peer, reader: int, letter: Letter, ttl_ms: int, sequence: int) -> None:
        """Push one message to a reader of *peer*. It overtakes nothing but what is published, or is for other peers."""
        for action in self.actions[: -LOOK_BACK - 1 : -1]:
            if type(action) is WorkBatch:
                if action.address != peer.pull:
                    continue
                if action.add(peer, reader, letter, ttl_ms, sequence):
                    return
                break
            if type(action) is not Publish and type(action) is not MailBatch:
                break
        self.actions.append(WorkBatch(peer, reader, letter, ttl_ms, sequence))

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
