"""
Mail: messages to process channels. Sans-I/O; used by ``mesh.py`` only.

The owner's id stands in the channel's name, so a message goes straight to it on its own topic. The sender
holds a window of ``capacity`` messages per channel; the owner reports what it is done with in batches, so that
a reply channel that gets three messages costs no extra frame worth mentioning.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from zmqlayer.actions import Publish
from zmqlayer.codec import unpack_control
from zmqlayer.config import Config
from zmqlayer.counters import Counters
from zmqlayer.credits import Windows
from zmqlayer.exceptions import ChannelFull, ProtocolError
from zmqlayer.frames import Frame, Kind, node_topic, pack
from zmqlayer.names import NodeId, owner_of
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peer, Peers
from zmqlayer.queues import Letter, Mailboxes

__all__ = ["Mail"]


class Mail:
    """
    The process channels of one node, and what it sends to those of others.

    Args:
        on_letter: Called with each message that can be read now, or that belongs to a ``?`` channel of ours.
    """

    def __init__(
        self, node_id: NodeId, config: Config, outbox: Outbox, peers: Peers, counters: Counters,
        on_letter: Callable[[Letter, float], None],
    ) -> None:  # fmt: skip
        self.boxes = Mailboxes()
        self.is_joined = False
        self._node_id = node_id
        self._config = config
        self._outbox = outbox
        self._peers = peers
        self._counters = counters
        self._on_letter = on_letter
        self._windows = Windows(config.peer_messages, config.peer_bytes)
        self._parked: dict[NodeId, deque[Letter]] = {}
        self._settled: dict[NodeId, dict[str, int]] = {}
        self._settle_at = float("inf")

    def send(self, owner: NodeId, channel: str, body: bytes, now: float) -> None:
        """
        Send one message to a process channel, or to a ``?`` channel that another node made.

        A message for a node that cannot be reached yet waits; one for a node that is gone is dropped and counted.

        Raises:
            ChannelFull: The channel, or the peer, has no room.
        """
        peer = self._peers.get(owner)
        self._counters.accepted += 1
        if peer is None and owner != self._node_id and self.is_joined:
            self._counters.dropped["no such peer"] += 1
            return
        deadline = now + self._config.expiry
        try:
            self._windows.admit(owner, channel, len(body), deadline, self._config.capacity_of(channel), now)
        except ChannelFull:
            self._counters.accepted -= 1
            self._counters.refused += 1
            raise
        if owner == self._node_id:
            self._on_letter(Letter(channel, body, deadline, owner), now)
        elif peer is not None and peer.is_subscribed and owner not in self._parked:
            ttl_ms = int(self._config.expiry * 1000)
            self._outbox.do(Publish(pack(node_topic(owner), Kind.DIRECT, self._node_id, ttl_ms, channel, body)))
        else:
            self._parked.setdefault(owner, deque()).append(Letter(channel, body, deadline, owner))

    def direct(self, frame: Frame, now: float) -> None:
        """
        A message for one of our channels arrived.

        Raises:
            ProtocolError: The channel is not ours.
        """
        if owner_of(frame.target) != self._node_id:
            raise ProtocolError(f"a message for {frame.target[:100]!r} came to a node that does not own it")
        self._on_letter(Letter(frame.target, frame.body, now + frame.ttl_ms / 1000, frame.source), now)

    def copy(self, channel: str, body: bytes, deadline: float, source: NodeId) -> bool:
        """Deliver one member's copy of a group message. Returns False if the member had no room."""
        if self.boxes.copies_in(channel) >= self._config.capacity_of(channel):
            self._counters.dropped["member full"] += 1
            return False
        self._counters.accepted += 1
        self.boxes.deliver(Letter(channel, body, deadline, source, True))
        return True

    def pop(self, name: str, now: float) -> Letter | None:
        """Remove and return the oldest living message of a channel or prefix; None if there is none."""
        while (letter := self.boxes.pop(name)) is not None:
            self.settle(letter, now)
            if letter.deadline > now:
                return letter
            self._counters.expired += 1
        return None

    def drop(self, letters: Iterable[Letter], reason: str, now: float) -> None:
        """Note that unread messages were thrown away."""
        for letter in letters:
            self._counters.dropped[reason] += 1
            self.settle(letter, now)

    def clear(self, now: float) -> None:
        """Drop what is unread here, and what waits for a link."""
        self.drop(self.boxes.drop_all(), "flushed", now)
        parked, self._parked = self._parked, {}
        for letter in (letter for letters in parked.values() for letter in letters):
            self._counters.dropped["flushed"] += 1
            self._windows.settle(letter.source, letter.channel, 1)

    def settle(self, letter: Letter, now: float) -> None:
        """This node is done with a message: open the window of its sender, at once or with the next batch."""
        if letter.is_copy:
            return
        if letter.source == self._node_id:
            self._windows.settle(self._node_id, letter.channel, 1)
            return
        counts = self._settled.setdefault(letter.source, {})
        count = counts[letter.channel] = counts.get(letter.channel, 0) + 1
        if count * 2 >= self._config.capacity_of(letter.channel):
            del counts[letter.channel]
            self._outbox.tell(letter.source, Kind.CONSUMED, {"counts": {letter.channel: count}})
        elif self._settle_at == float("inf"):
            self._settle_at = now + self._config.timing.settle_every_s
            self._outbox.call_by(self._settle_at)

    def consumed(self, frame: Frame) -> None:
        """
        A peer reports what its channels are done with.

        Raises:
            ProtocolError: The payload is malformed.
        """
        counts = unpack_control(frame.body).get("counts")
        if not isinstance(counts, dict) or not all(type(count) is int and count > 0 for count in counts.values()):
            raise ProtocolError("CONSUMED has no map of counts")
        for channel, count in counts.items():
            self._windows.settle(frame.source, channel, count)

    def peer_reachable(self, peer: Peer, now: float) -> None:
        """
        A peer subscribed to its own topic: send what waited for it.

        Mail flows from here on, before the link is READY: group messages do too, and must not overtake it.
        """
        for letter in self._parked.pop(peer.node_id, ()):
            ttl_ms = int((letter.deadline - now) * 1000)
            if ttl_ms > 0:
                wire = pack(node_topic(peer.node_id), Kind.DIRECT, self._node_id, ttl_ms, letter.channel, letter.body)
                self._outbox.do(Publish(wire))
            else:
                self._counters.expired += 1
                self._windows.settle(peer.node_id, letter.channel, 1)

    def peer_gone(self, node_id: NodeId) -> None:
        """A peer is gone: what it was not done with, as far as we know, is lost; nothing is owed either way."""
        self._parked.pop(node_id, None)
        if lost := self._windows.forget(node_id):
            self._counters.dropped["peer gone"] += lost
        self._settled.pop(node_id, None)

    def joined(self) -> None:
        """Whoever existed at start is linked by now: what waits for anybody else waits for the dead."""
        self.is_joined = True
        for node_id in [node_id for node_id in self._parked if self._peers.get(node_id) is None]:
            self.peer_gone(node_id)

    def tick(self, now: float) -> None:
        """Report consumption whose time has come."""
        if now < self._settle_at:
            return
        self._settle_at = float("inf")
        settled, self._settled = self._settled, {}
        for node_id, counts in settled.items():
            if counts and self._peers.get(node_id) is not None:
                self._outbox.tell(node_id, Kind.CONSUMED, {"counts": counts})

    def sweep(self, now: float) -> None:
        """Drop expired messages and forget windows that expired with them."""
        for letter in self.boxes.expire(now):
            self._counters.expired += 1
            self.settle(letter, now)
        self._windows.expire(now)

    def next_at(self) -> float:
        """Return when :meth:`tick` has something to do."""
        return self._settle_at

    @property
    def parked(self) -> int:
        """How many messages wait for a link."""
        return sum(map(len, self._parked.values()))
