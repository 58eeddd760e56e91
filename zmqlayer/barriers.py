"""
The barriers of links: which peer owes us the echo of which one. Pure; used by ``links.py`` only.

A SUB sends its subscriptions in order, so a peer that echoes a barrier has installed everything before it. SUB has
no subscriptions for one connection alone: each goes to every peer, and every peer echoes it. With a barrier for
each link, n nodes that meet would exchange n³ echoes. So links to new peers share one barrier, which is subscribed
before they connect; each connection carries it once.

An echo must not count for a later connection to the same peer. So a node whose link has ended does not get the shared
one again, but a barrier of its own, which no other node echoes: nodes that are too busy for each other would else be
busier with each attempt. The same holds for a link that starts anew, which waits for a barrier that is raised in that
very moment; if several do, because a switch fails or a machine dies, all but the first share one.
"""

from __future__ import annotations

from typing import Final

from zmqlayer.actions import Subscribe, Unsubscribe
from zmqlayer.frames import BARRIER_BYTES, barrier_topic
from zmqlayer.names import NodeId
from zmqlayer.outbox import Outbox
from zmqlayer.ports import IdSource

__all__ = ["Barriers"]

MOST_ENDED: Final = 1024


class Barriers:
    """The barriers that the links of one node wait for."""

    def __init__(self, outbox: Outbox, randoms: IdSource) -> None:
        self._outbox = outbox
        self._randoms = randoms
        self._shared: bytes | None = None
        self._latest = (float("-inf"), b"")
        self._owed: dict[NodeId, bytes] = {}
        self._ended: set[NodeId] = set()

    def await_first(self, node_id: NodeId) -> None:
        """A link to *node_id* begins; SUB connects to it after this."""
        if node_id in self._ended:
            self._owed[node_id] = self._raise(node_id)
            return
        if self._shared is None:
            self._shared = self._raise()
        self._owed[node_id] = self._shared

    def await_anew(self, node_id: NodeId, now: float) -> None:
        """The link to *node_id* starts anew: only the echo of a barrier that is raised now proves anything."""
        self.lower(node_id)
        moment, topic = self._latest
        if moment != now:
            topic, self._latest = self._raise(node_id), (now, b"")
        elif topic not in self._owed.values():
            topic = self._raise()
            self._latest = (now, topic)
        self._owed[node_id] = topic

    def echoed(self, topic: bytes, node_id: NodeId) -> bool:
        """A peer echoed a barrier. Returns whether it owed us that."""
        if self._owed.get(node_id) != topic:
            return False
        self.lower(node_id)
        return True

    def ended(self, node_id: NodeId) -> None:
        """The link to *node_id* ended; it may come back, with echoes of this life still on their way."""
        self.lower(node_id)
        self._ended.add(node_id)
        if len(self._ended) <= MOST_ENDED:
            return
        self._ended.clear()
        former, self._shared = self._shared, None
        if former is not None:
            self._drop(former)

    def lower(self, node_id: NodeId) -> None:
        """*node_id* owes nothing."""
        topic = self._owed.pop(node_id, None)
        if topic is not None:
            self._drop(topic)

    def _raise(self, echoer: NodeId | None = None) -> bytes:
        topic = barrier_topic(self._randoms(BARRIER_BYTES), echoer)
        self._outbox.do(Subscribe(topic))
        return topic

    def _drop(self, topic: bytes) -> None:
        if topic != self._shared and topic not in self._owed.values():
            self._outbox.do(Unsubscribe(topic))
