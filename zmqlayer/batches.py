"""
Batches: messages that leave together, in one frame, because they were decided together. Pure; ``outbox.py`` fills them.

A frame for each message is most of what a message costs. None waits for a batch to fill: what one step of the mesh
decides, or one turn of an event loop, leaves at its end; see ``docs/decisions/066-messages-in-batches.md``.
"""

from __future__ import annotations

from typing import Final

from zmqlayer.actions import Publish, Push
from zmqlayer.frames import Kind, Work, node_topic, pack, pack_batch, pack_work, pack_work_batch
from zmqlayer.names import NodeId
from zmqlayer.peers import Peer
from zmqlayer.queues import Letter

__all__ = ["MOST_BATCH_BYTES", "MOST_IN_BATCH", "MailBatch", "WorkBatch"]

DIRECT, WORK, BATCH, WORK_BATCH = Kind.DIRECT, Kind.WORK, Kind.BATCH, Kind.WORK_BATCH  # faster than a member

MOST_IN_BATCH: Final = 64
MOST_BATCH_BYTES: Final = 64_000
"""Bytes of the messages alone. With places and names they fit into any frame: see FRAME_SLACK in ``frames.py``."""


class MailBatch:
    """Messages to one process channel, because nothing else comes in between."""

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
        """Return what the transport does."""
        topic, bodies = node_topic(self.owner), self.bodies
        kind, body = (DIRECT, bodies[0]) if len(bodies) == 1 else (BATCH, pack_batch(bodies))
        return Publish(pack(topic, kind, source, self.ttl_ms, self.channel, body, self.sequence))


class WorkBatch:
    """Messages of one named channel for one reader."""

    __slots__ = ("address", "channel", "peer", "sequence", "size", "work")

    def __init__(self, peer: Peer, reader: int, letter: Letter, ttl_ms: int, sequence: int) -> None:
        self.peer = peer.node_id
        self.address = peer.pull
        self.channel = letter.channel
        self.sequence = sequence
        self.work = Work(peer.their_link, reader, [(letter.number, ttl_ms, letter.body)])
        self.size = len(letter.body)

    def add(self, peer: Peer, reader: int, letter: Letter, ttl_ms: int, sequence: int) -> bool:
        """Add one more message; False if it does not fit in, and needs a frame of its own."""
        link, number, items = self.work
        if number != reader or link != peer.their_link or self.channel != letter.channel:
            return False
        size = self.size + len(letter.body)
        if size > MOST_BATCH_BYTES or len(items) >= MOST_IN_BATCH or self.sequence + len(items) != sequence:
            return False
        items.append((letter.number, ttl_ms, letter.body))
        self.size = size
        return True

    def pack(self, source: NodeId) -> Push:
        """Return what the transport does."""
        link, reader, items = self.work
        if len(items) > 1:
            kind, ttl_ms, body = WORK_BATCH, 0, pack_work_batch(self.work)
        else:
            number, ttl_ms, message = items[0]
            kind, body = WORK, pack_work(link, reader, number, message)
        wire = pack(node_topic(self.peer), kind, source, ttl_ms, self.channel, body, self.sequence)
        return Push(self.address, wire)
