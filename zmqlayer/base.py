"""
What both faces of a layer share: names, messages and the node. Nothing here waits.
"""

from __future__ import annotations

import random
import secrets
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache

from zmqlayer.codec import decode, encode, is_flat
from zmqlayer.events import Interest, PeerChanged
from zmqlayer.exceptions import ChannelFull, InvalidName, MessageTooLarge, ProtocolError
from zmqlayer.messages import Message
from zmqlayer.names import (
    NodeId,
    check_channel,
    check_group,
    check_pattern,
    encode_node_id,
    inbox_of,
    owner_of,
    process_prefix,
)
from zmqlayer.node import Node
from zmqlayer.peers import PeerInfo
from zmqlayer.queues import Letter
from zmqlayer.slot import NodeSlot

__all__ = ["BaseLayer", "sort_out"]

LOCAL_BYTES = 8
LOCALS_AT_ONCE = 64
MOST_OPENED_BYTES = 4096


class BaseLayer:
    """
    A channel layer on one node.

    Args:
        slot: Where this process keeps the node. Several faces may share it; several nodes may live in one process.

    Attributes:
        ChannelFull, MessageTooLarge: The exceptions, as attributes, as the specification asks.
    """

    ChannelFull = ChannelFull
    MessageTooLarge = MessageTooLarge

    def __init__(self, slot: NodeSlot) -> None:
        self._slot = slot
        self._locals: deque[str] = deque()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of cluster {self.node.config.cluster!r}>"

    @property
    def node(self) -> Node:
        """The node. A process that was forked has one of its own, from its first use of the layer on."""
        return self._slot.filled or self._slot.node

    @property
    def extensions(self) -> list[str]:
        """What the layer offers beyond ``send`` and ``receive``, by the names of the specification."""
        return ["groups", "flush"]

    @property
    def cluster(self) -> str:
        """The cluster that the node belongs to."""
        return self.node.config.cluster

    @property
    def expiry(self) -> float:
        """Seconds after which an unread message is dropped."""
        return self.node.config.expiry

    @property
    def group_expiry(self) -> float:
        """Seconds after which a membership ends that was not renewed."""
        return self.node.config.group_expiry

    @property
    def capacity(self) -> int:
        """Unread messages from this node that a channel holds."""
        return self.node.config.capacity

    @property
    def node_id(self) -> NodeId:
        """The node's id; starts it if need be."""
        return self.node.node_id

    @property
    def address(self) -> str:
        """Where other nodes can dial this one: a seed for them, ``tcp://host:port``; starts it if need be."""
        return self.node.address

    @property
    def role(self) -> str:
        """What the node is for, shown to people. Set it before the node starts."""
        return self.node.role

    @role.setter
    def role(self, role: str) -> None:
        self.node.role = role

    def read_ahead(self, prefetch: int) -> None:
        """
        Let readers hold so many messages that nobody waits for yet, unless the settings say how many.

        Call it before the node starts. What a reader holds while it is busy goes back after a tenth of a second.
        """
        if self.node.config.prefetch is None:
            self.node.config = replace(self.node.config, prefetch=prefetch)

    def work_in_batches(self) -> None:
        """
        Let ZeroMQ's thread and the node's own wait their turn where processors are busy: they move more each time.

        For programs that serve many at once. One that waits for each answer would wait longer. Call it before the node
        starts; it has an effect on Linux only.
        """
        self.node.works_in_batches = True

    def start(self) -> None:
        """
        Start the node now instead of at the first use.

        Raises:
            TransportError: The address or a port cannot be used.
        """
        self.node.start()

    def peers(self) -> list[PeerInfo]:
        """Return the peers that are linked or about to be."""
        return self.node.peers()

    def on_peer(self, callback: Callable[[PeerChanged], None]) -> None:
        """Tell *callback*, on whichever thread notices, when a peer is ready, silent or gone; it must not block."""
        self.node.on_peer(callback)

    def statistics(self) -> dict[str, int]:
        """Return what happened to messages at this node, counted; see :class:`zmqlayer.counters.Counters`."""
        return self.node.statistics()

    def drops(self) -> dict[tuple[NodeId, str], int]:
        """
        Return how many messages were dropped with each peer, and why.

        Returns:
            Numbers of messages by (id of the peer that sent them or was to get them, reason).
        """
        return self.node.ask(lambda mesh, now: mesh.counters.drops())

    def close_channel(self, channel: str) -> None:
        """
        Say that a channel that this node made is not used any more: leave its groups, drop what is unread.

        Args:
            channel: One that ends in a name after ``!``, or after ``?``.
        """
        name = check_channel(channel)
        self.node.ask(lambda mesh, now: mesh.close_channel(name, now))

    def _put_group(self, group: str, message: Message) -> Node:
        """Send one message to a group; returns the node."""
        node, name = self._slot.filled or self._slot.node, check_group(group)
        node.group_send(name, encode(name, message, node.config.max_message_size))
        return node

    def _name_channel(self, pattern: str) -> str:
        """Complete a pattern: ``x!`` to ``x.<node>!<random>``, ``x?`` to ``x?<node><random>``."""
        if not isinstance(pattern, str):
            check_pattern(pattern)  # refuses it
        return _beginning(pattern, (self._slot.filled or self._slot.node).node_id) + self._unused_local()

    def _unused_local(self) -> str:
        """Return random hex digits. The kernel is asked for many at once: that is most of what a name costs."""
        while True:
            try:
                return self._locals.popleft()  # of all threads that try, one gets it
            except IndexError:
                digits, each = secrets.token_hex(LOCAL_BYTES * LOCALS_AT_ONCE), 2 * LOCAL_BYTES
                self._locals.extend(digits[begin : begin + each] for begin in range(0, len(digits), each))

    def _interest(self, channels: Iterable[str]) -> Interest:
        """
        Sort out what a receiver wants, and let chance say which channel is looked at first.

        Raises:
            InvalidName: No list of names, a name outside the grammar, or a process channel of another node.
        """
        if isinstance(channels, str):
            raise InvalidName(channels, f"is one name, and several are read: write {[channels]!r:.80}")
        node_id = (self._slot.filled or self._slot.node).node_id
        try:
            interest = sort_out(tuple(channels), node_id)
        except InvalidName:
            raise
        except TypeError as exc:  # it cannot be iterated over, or what is in it cannot be hashed
            raise InvalidName(channels, "is not a list of channel names, like ['jobs']") from exc
        choices = len(interest.keys)
        return interest if choices < 2 else interest.starting_with(random.randrange(choices))

    def open_letter(self, letter: Letter) -> Message | None:
        """Decode a message; None if it is none, which is its sender's fault and ends the link to it."""
        opened = letter.opened
        if opened is not None:
            return opened.copy()
        try:
            message = decode(letter.body)
        except ProtocolError as exc:
            self.node.malformed(letter, exc)
            return None
        if letter.is_copy and len(letter.body) <= MOST_OPENED_BYTES and is_flat(message):
            letter.opened = message.copy()
        return message


@lru_cache(maxsize=256)
def _beginning(pattern: str, node_id: NodeId) -> str:
    """Return what the names of one pattern have in common."""
    check_pattern(pattern)
    return process_prefix(pattern, node_id) if pattern.endswith("!") else pattern + encode_node_id(node_id)


@lru_cache(maxsize=1024)
def sort_out(channels: tuple[str, ...], node_id: NodeId) -> Interest:
    """
    Return what a receiver at a node wants, by who delivers it.

    Raises:
        InvalidName: A name outside the grammar, or a process channel of another node.
    """
    own, named = [], set()
    for channel in map(check_channel, channels):
        owner = owner_of(channel) if "!" in channel else None
        if owner is None:
            named.add(inbox_of(channel))
        elif owner == node_id:
            own.append(channel)
        else:
            raise InvalidName(channel, "belongs to another process: only the one that made it can read it")
    return Interest(tuple(own), tuple(sorted(named)))
