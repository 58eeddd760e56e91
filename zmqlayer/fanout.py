"""
Fan-out: group messages and the groups of this node. Sans-I/O; used by ``mesh.py`` only.

``group_send`` is one publish, whatever the number of members: ZeroMQ filters by topic at the publisher, so
only nodes that have members get the frame, once each, and deliver it to their own members.

The first member of a group at a node subscribes, and raises a barrier (see ``proofs.py``): its echoes prove
that peers send the group's messages here. An acknowledgement over another socket would prove nothing.

A named channel may be a member too. Those stand in the roster, and the sender of a group message sends to each
of them in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable

from zmqlayer.actions import Publish, Subscribe, Unsubscribe
from zmqlayer.config import Config
from zmqlayer.exceptions import ChannelFull
from zmqlayer.frames import BARRIER_BYTES, Frame, Kind, barrier_topic, group_topic, pack
from zmqlayer.groups import Groups
from zmqlayer.mail import Mail
from zmqlayer.names import NodeId
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peers
from zmqlayer.ports import IdSource
from zmqlayer.proofs import Proofs
from zmqlayer.rollcalls import RollCall
from zmqlayer.roster import Roster

__all__ = ["Fanout"]


class Fanout:
    """
    The groups of one node.

    Args:
        on_copies: Called with the channels of those members that got a message.
        send: The ordinary ``send``, for members that are queues: named channels, and ``?`` channels of this node.
    """

    def __init__(
        self, node_id: NodeId, config: Config, outbox: Outbox, peers: Peers, mail: Mail, randoms: IdSource,
        on_copies: Callable[[list[str]], None], send: Callable[[str, bytes, float], None],
    ) -> None:  # fmt: skip
        self.roster = Roster(node_id, config.group_expiry, config.limits.named_members)
        self._node_id = node_id
        self._config = config
        self._outbox = outbox
        self._peers = peers
        self._mail = mail
        self._randoms = randoms
        self._on_copies = on_copies
        self._send = send
        self._groups = Groups(config.group_expiry, config.timing.unsubscribe_after_s, config.limits)
        self._topics: dict[bytes, str] = {}
        self._proofs = Proofs()

    def send(self, group: str, body: bytes, now: float) -> None:
        """Send one message to every member of *group*, wherever it is. Never raises for a full member."""
        self._deliver(group, body, now + self._config.expiry, self._node_id, now)
        if len(self._peers):
            ttl_ms = int(self._config.expiry * 1000)
            topic = group_topic(self._config.cluster, group)
            self._outbox.do(Publish(pack(topic, Kind.GROUP, self._node_id, ttl_ms, "", body)))
        for channel in self.roster.members(group, now):
            self._enqueue(channel, body, now)

    def group(self, frame: Frame, now: float) -> None:
        """A group message of a peer arrived."""
        group = self._topics.get(frame.topic)
        if group is not None:
            self._deliver(group, frame.body, now + frame.ttl_ms / 1000, frame.source, now)

    def add(self, group: str, channel: str, now: float, done: Callable[[RollCall | None], None]) -> None:
        """
        Add a channel of this node to *group*.

        Args:
            done: Called once every peer that is READY, or about to be, is proven to send us the group's
                messages, or time is up: with the roll call, or with None where nobody needed to be asked.

        Raises:
            LimitReached: This node is in too many groups, or has too many members.
        """
        if self._mail.is_closed(channel):
            done(None)  # asked for before it ended, by a node that did not know
            return
        if self._groups.add(group, channel, now):
            self._subscribe(group)
        if self._proofs.is_proven(group):
            done(None)
            return
        if not self._proofs.is_awaited(group):
            self._raise_barrier(group)
        deadline = now + self._config.timing.group_add_timeout_s
        self._outbox.call_by(deadline)
        # A peer may be ready for us a moment before we are for it: those that are greeted must prove it too.
        self._proofs.wait(group, self._peers.rising(), deadline, done)

    def discard(self, group: str, channel: str, now: float) -> None:
        """Remove a channel of this node from *group*."""
        self._groups.discard(group, channel, now)

    def members(self, group: str, now: float) -> list[str]:
        """Return the members of *group* that this node owns."""
        return self._groups.members(group, now)

    def leave_all(self, channel: str, now: float) -> None:
        """A process channel of this node is closed."""
        self._groups.leave_all(channel, now)

    def echo(self, frame: Frame) -> None:
        """A peer echoed a barrier: from here on it sends us the group's messages."""
        self._lower(self._proofs.echo(frame.topic, frame.source))

    def peer_gone(self, node_id: NodeId) -> None:
        """A peer is gone: it owes no echo."""
        self._lower(self._proofs.gone(node_id))

    def clear(self, now: float) -> None:
        """Forget all members."""
        self._groups.clear(now)
        self.roster.clear(now)

    def tick(self, now: float) -> set[NodeId]:
        """End waits for echoes whose time is up. Returns the peers that owe one."""
        return self._proofs.tick(now)

    def sweep(self, now: float) -> None:
        """Drop members that expired; take back subscriptions of groups that are empty for long."""
        self.roster.sweep(now)
        for group in self._groups.sweep(now):
            self._lower(self._proofs.forget(group))
            topic = group_topic(self._config.cluster, group)
            del self._topics[topic]
            self._outbox.do(Unsubscribe(topic))

    def next_at(self) -> float:
        """Return when :meth:`tick` has something to do."""
        return self._proofs.next_at()

    def _deliver(self, group: str, body: bytes, deadline: float, source: NodeId, now: float) -> None:
        members = self._groups.members(group, now)
        if self._groups.queues:
            for channel in members:
                if "?" in channel:
                    self._enqueue(channel, body, now)
            members = [channel for channel in members if "?" not in channel]
        if members and (reached := self._mail.spread(members, body, deadline, source, now)):
            self._on_copies(reached)

    def _enqueue(self, channel: str, body: bytes, now: float) -> None:
        try:
            self._send(channel, body, now)
        except ChannelFull:
            return  # counted as refused; a full member never fails the group

    def _subscribe(self, group: str) -> None:
        topic = group_topic(self._config.cluster, group)
        self._topics[topic] = group
        self._outbox.do(Subscribe(topic))
        if peers := [peer.node_id for peer in self._peers]:
            self._proofs.open(group, peers)

    def _raise_barrier(self, group: str) -> None:
        barrier = barrier_topic(self._randoms(BARRIER_BYTES))
        self._outbox.do(Subscribe(barrier))
        self._lower(self._proofs.raised(group, barrier))

    def _lower(self, barriers: list[bytes]) -> None:
        for topic in barriers:
            self._outbox.do(Unsubscribe(topic))
