"""
Fan-out: group messages and the groups of this node. Sans-I/O; used by ``mesh.py`` only.

``group_send`` is one publish, whatever the number of members: ZeroMQ filters by topic at the publisher, so
only nodes that have members get the frame, once each, and deliver it to their own members.

The first member of a group at a node subscribes, and then raises a *barrier*: it subscribes to a topic that
nobody used before. Each peer's XPUB reads the two in that order, and publishes on the second; that echo
proves that the first is installed. An acknowledgement over another socket would prove nothing.

A channel without an owner (a named channel, or one with ``?``) may be a member too. Those are few; every
node keeps the table of them, and the sender of a group message sends to each in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable

from zmqlayer.actions import Publish, Subscribe, Unsubscribe
from zmqlayer.config import Config
from zmqlayer.exceptions import ChannelFull
from zmqlayer.frames import Frame, Kind, barrier_topic, group_topic, pack
from zmqlayer.groups import Groups
from zmqlayer.mail import Mail
from zmqlayer.names import NodeId
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peers
from zmqlayer.ports import IdSource
from zmqlayer.rollcalls import RollCall, RollCalls

__all__ = ["Fanout"]


class Fanout:
    """
    The groups of one node.

    Args:
        on_copy: Called with the channel of each member that got a message.
        send: The ordinary ``send``, for members without an owner.
    """

    def __init__(
        self, node_id: NodeId, config: Config, outbox: Outbox, peers: Peers, mail: Mail, randoms: IdSource,
        on_copy: Callable[[str], None], send: Callable[[str, bytes, float], None],
    ) -> None:  # fmt: skip
        self._node_id = node_id
        self._config = config
        self._outbox = outbox
        self._peers = peers
        self._mail = mail
        self._randoms = randoms
        self._on_copy = on_copy
        self._send = send
        self._groups = Groups(config.timing.unsubscribe_after_s)
        self._ownerless = Groups(0.0)
        self._topics: dict[bytes, str] = {}
        self._barriers = RollCalls()
        self._unconfirmed: dict[str, RollCall] = {}

    def send(self, group: str, body: bytes, now: float) -> None:
        """Send one message to every member of *group*, wherever it is. Never raises for a full member."""
        self._deliver(group, body, now + self._config.expiry, self._node_id, now)
        if len(self._peers):
            ttl_ms = int(self._config.expiry * 1000)
            topic = group_topic(self._config.cluster, group)
            self._outbox.do(Publish(pack(topic, Kind.GROUP, self._node_id, ttl_ms, "", body)))
        for channel in self._ownerless.members(group, now):
            try:
                self._send(channel, body, now)
            except ChannelFull:
                continue  # counted as refused; a full member never fails the group

    def group(self, frame: Frame, now: float) -> None:
        """A group message of a peer arrived."""
        group = self._topics.get(frame.topic)
        if group is not None:
            self._deliver(group, frame.body, now + frame.ttl_ms / 1000, frame.source, now)

    def add(self, group: str, channel: str, now: float, done: Callable[[RollCall | None], None]) -> None:
        """
        Add a process channel of this node to *group*.

        Args:
            done: Called once every peer that is READY, or about to be, is proven to send us the group's
                messages, or time is up: with the barrier, or with None where nobody needed to be asked.
        """
        is_new = self._groups.add(group, channel, now + self._config.group_expiry)
        if is_new:
            self._subscribe(group, now)
        barrier = self._unconfirmed.get(group)
        if barrier is None:
            done(None)
        else:
            barrier.done.append(done)

    def discard(self, group: str, channel: str, now: float) -> None:
        """Remove a channel of this node from *group*."""
        self._groups.discard(group, channel, now)

    def add_ownerless(self, group: str, channel: str, lives_s: float, now: float) -> None:
        """Add a channel that no node owns to this node's table of such members."""
        self._ownerless.add(group, channel, now + lives_s)

    def discard_ownerless(self, group: str, channel: str, now: float) -> None:
        """Remove a channel that no node owns from this node's table."""
        self._ownerless.discard(group, channel, now)

    def ownerless(self, now: float) -> list[tuple[str, str]]:
        """Return (group, channel) of every member that no node owns."""
        return [(group, channel) for group in self._ownerless for channel in self._ownerless.members(group, now)]

    def members(self, group: str, now: float) -> list[str]:
        """Return the members of *group* that this node knows by itself."""
        return self._groups.members(group, now) + self._ownerless.members(group, now)

    def leave_all(self, channel: str, now: float) -> None:
        """A process channel of this node is closed."""
        self._groups.leave_all(channel, now)

    def echo(self, frame: Frame) -> None:
        """A peer echoed a barrier: from here on it sends us the group's messages."""
        self._barriers.answer(frame.topic, frame.source)

    def peer_gone(self, node_id: NodeId) -> None:
        """A peer is gone: it owes no echo. One whose link starts anew does: barriers are subscribed again with it."""
        self._barriers.excuse(node_id)

    def clear(self, now: float) -> None:
        """Forget all members."""
        self._groups.clear(now)
        self._ownerless.clear(now)

    def tick(self, now: float) -> set[NodeId]:
        """Close barriers whose time is up. Returns the peers that missed one."""
        return self._barriers.tick(now)

    def sweep(self, now: float) -> None:
        """Drop members that expired; take back subscriptions of groups that are empty for long."""
        self._ownerless.sweep(now)
        for group in self._groups.sweep(now):
            topic = group_topic(self._config.cluster, group)
            del self._topics[topic]
            self._outbox.do(Unsubscribe(topic))

    def next_at(self) -> float:
        """Return when :meth:`tick` has something to do."""
        return self._barriers.next_at()

    def _deliver(self, group: str, body: bytes, deadline: float, source: NodeId, now: float) -> None:
        for channel in self._groups.members(group, now):
            if self._mail.copy(channel, body, deadline, source, now):
                self._on_copy(channel)

    def _subscribe(self, group: str, now: float) -> None:
        topic = group_topic(self._config.cluster, group)
        self._topics[topic] = group
        self._outbox.do(Subscribe(topic))
        # A peer may be ready for us a moment before we are for it: those that are greeted must prove it too.
        peers = self._peers.rising()
        if not peers:
            return
        barrier = barrier_topic(self._randoms(16))
        self._outbox.do(Subscribe(barrier))
        deadline = now + self._config.timing.group_add_timeout_s
        self._outbox.call_by(deadline)

        def confirm(_call: RollCall) -> None:
            del self._unconfirmed[group]
            self._outbox.do(Unsubscribe(barrier))

        self._unconfirmed[group] = self._barriers.open(barrier, peers, deadline, confirm)
