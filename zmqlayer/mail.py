"""
Mail: messages to process channels. Sans-I/O; used by ``mesh.py`` only.

The owner's id stands in the channel's name, so a message goes straight to it on its own topic. How much may be
unread there is kept in ``accounts.py``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from zmqlayer.accounts import Accounts
from zmqlayer.addresses import Address
from zmqlayer.closures import Closures
from zmqlayer.config import Config
from zmqlayer.counters import CLOSED, Counters, Drop
from zmqlayer.exceptions import ProtocolError
from zmqlayer.frames import Frame
from zmqlayer.names import NodeId, owner_of, process_prefix
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peer, Peers
from zmqlayer.ports import Standing
from zmqlayer.queues import Letter, Mailboxes
from zmqlayer.rooms import Bound

__all__ = ["Mail"]


class Mail:
    """
    The process channels of one node, and what it sends to those of others.

    Attributes:
        boxes: What is unread here.
        is_joined: Whether a node that is not known by now does not exist.

    Args:
        on_letters: Called with messages of one channel that can be read now, or that belong to a ``?`` channel of ours.
        on_handed: Called with a message, and with the takers that are to get it.
        driver_here: Returns who drives on this thread: who stands elsewhere is woken only, and finds its message in the
            channel. Were it taken out here and laid back later, others would get what came behind it first.
    """

    def __init__(
        self, config: Config, outbox: Outbox, peers: Peers, counters: Counters, accounts: Accounts,
        on_letters: Callable[[list[Letter], float], None], on_handed: Callable[[Letter, list[Standing]], None],
        driver_here: Callable[[], object],
    ) -> None:  # fmt: skip
        self.boxes = Mailboxes()
        self.is_joined = False
        self._node_id = outbox.node_id
        self._mark = process_prefix("", self._node_id)
        self._config = config
        self._outbox = outbox
        self._peers = peers
        self._counters = counters
        self._accounts = accounts
        self._on_letters = on_letters
        self._on_handed = on_handed
        self._driver_here = driver_here
        self._closures = Closures(config.limits.closed_channels)
        self._parked: dict[NodeId, deque[Letter]] = {}

    def send(self, owner: NodeId, channel: str, address: Address, body: bytes, now: float) -> None:
        """
        Send one message to a process channel, or to a ``?`` channel that another node made.

        A message for a node that cannot be reached yet waits; one for a node that is gone, or for a channel that it
        closed, is dropped and counted.

        Args:
            owner: That of *address*, the address of *channel*.

        Raises:
            ChannelFull: The channel, or the peer, has no room.
        """
        is_heard = self._peers.hears_us(owner)
        if not is_heard and self._is_in_vain(owner):
            self._counters.accepted += 1
            self._counters.drop(Drop("no such peer", channel, owner), now)
            return
        if channel in self._accounts.closed.channels:
            self._counters.accepted += 1
            self._counters.drop(Drop(CLOSED, channel, owner), now)
            return
        deadline = now + address.expiry_s
        sequence = self._accounts.admit(owner, channel, len(body), deadline, address.capacity, now)
        if is_heard and owner not in self._parked:
            self._counters.handed_over += 1
            self._outbox.mail(owner, channel, address.ttl_ms, sequence, body)
            return
        letter = Letter(channel, body, deadline, self._node_id, sequence=sequence)
        if owner == self._node_id:
            self._arrive([letter], now)
        else:
            self._parked.setdefault(owner, deque()).append(letter)

    def blocked_by(self, owner: NodeId, channel: str, now: float) -> Bound | None:
        """Return what has no room for a message to a process channel; None if there is room, or will never be any."""
        is_over = self.is_in_vain(owner) or self.is_closed(channel)
        return None if is_over else self._accounts.blocked_by(owner, channel, now)

    def is_in_vain(self, owner: NodeId) -> bool:
        """Whether what is sent to a node is dropped: it is gone, or nobody of that name was ever met."""
        return not self._peers.hears_us(owner) and self._is_in_vain(owner)

    def is_closed(self, channel: str) -> bool:
        """Whether a channel is known to have been closed within the last minute, by this node or by its owner."""
        return channel in self._closures.channels or channel in self._accounts.closed.channels

    def close(self, channel: str, now: float) -> None:
        """A channel of this node has ended: drop what is unread, and what comes within a minute; tell its senders."""
        self._closures.add(channel, now)
        if channel in self.boxes.channels:
            self._drop_closed(list(self.boxes.drop(channel)), now)

    def direct(self, frame: Frame, _peer: Peer, now: float) -> None:
        """
        A message for one of our channels arrived.

        Raises:
            ProtocolError: The channel is not ours.
        """
        channel = frame.target
        self._check_ownership(channel)
        deadline = now + frame.ttl_ms / 1000
        self._arrive([Letter(channel, frame.body, deadline, frame.source, False, 0, frame.sequence)], now)

    def batch(self, frame: Frame, bodies: Sequence[bytes], now: float) -> None:
        """
        Messages for one of our channels arrived.

        Raises:
            ProtocolError: The channel is not ours.
        """
        channel, source, sequence = frame.target, frame.source, frame.sequence
        self._check_ownership(channel)
        deadline = now + frame.ttl_ms / 1000
        numbered = enumerate(bodies, sequence)
        self._arrive([Letter(channel, body, deadline, source, False, 0, number) for number, body in numbered], now)

    def spread(self, channels: list[str], body: bytes, deadline: float, source: NodeId, now: float) -> list[str]:
        """Deliver a copy of a group message to each of these members. Returns those in whose channels it lies."""
        self._counters.accepted += len(channels)
        limits = self._config.limits
        copy = Letter("", body, deadline, source, True)
        if self.boxes.takers and deadline > now:
            channels = self._hand_over(copy, channels)
        room = self.boxes.copies.room(body, limits.copies, limits.copy_bytes)
        reached = self.boxes.deliver_copies(copy, channels[:room], self._config.capacity_of)
        if len(reached) < len(channels):
            self._count_full(channels, room, set(reached), source, now)
        return reached

    def hand_over_first(self, letters: list[Letter], now: float) -> list[Letter]:
        """Give the first of some messages for one channel to whoever stands there, here. Returns those that stay."""
        letter, takers = letters[0], self.boxes.takers
        taker = takers.get(letter.channel)
        if taker is None or letter.deadline <= now or taker.driver is not self._driver_here():
            return letters
        del takers[letter.channel]
        self._accounts.settle(letter, now)
        self._counters.delivered += 1
        self._on_handed(letter, [taker])
        return letters[1:]

    def take_back(self, channel: str, letter: Letter, now: float) -> None:
        """
        A message that was handed over did not reach its taker: put it where it would lie without one.

        To its sender it counts as read. From here on it is like a copy of a group message, which occupies no window.
        """
        self._counters.delivered -= 1
        copy = letter if letter.is_copy else replace(letter, is_copy=True)
        if channel in self._closures.channels:
            self.drop([replace(copy, channel=channel)], CLOSED, now)
        else:
            self.boxes.restore_copy(channel, copy)

    def pop(self, name: str, now: float) -> Letter | None:
        """
        Remove and return the oldest living message of a channel or prefix, as delivered; None if there is none.

        The members of a group share one letter, which names none of them.
        """
        pop = self.boxes.pop_turn if name[-1] == "!" else self.boxes.pop
        while (letter := pop(name)) is not None:
            if not letter.is_copy:
                self._accounts.settle(letter, now)
            if letter.deadline > now:
                self._counters.delivered += 1
                return letter
            self._counters.expired += 1
        return None

    def drop(self, letters: Iterable[Letter], reason: str, now: float) -> None:
        """Note that unread messages were thrown away."""
        for letter in letters:
            self._counters.drop(Drop(reason, letter.channel, letter.source), now)
            self._accounts.settle(letter, now)

    def clear(self, now: float) -> None:
        """Drop what is unread here, and what waits for a link."""
        self.drop(self.boxes.drop_all(), "flushed", now)
        parked, self._parked = self._parked, {}
        for owner, letters in parked.items():
            self._accounts.withdraw(owner, letters)
            self._counters.drop(Drop("flushed", letters[0].channel, owner), now, len(letters))

    def peer_reachable(self, node_id: NodeId, now: float) -> None:
        """
        A node subscribed to its own topic: send what waited for it.

        Mail flows from here on, before the link is READY: group messages do too, and must not overtake it.
        """
        letters = self._parked.pop(node_id, ())
        self._accounts.reachable(node_id, len(letters))
        for letter in letters:
            # One that expired goes too, without its body, lest its place in the sequence look like a loss.
            ttl_ms = max(0, int((letter.deadline - now) * 1000))
            self._counters.handed_over += 1
            self._outbox.mail(node_id, letter.channel, ttl_ms, letter.sequence, letter.body if ttl_ms else b"")

    def peer_gone(self, node_id: NodeId, now: float) -> None:
        """A peer is gone: what waits for it is lost too."""
        self._accounts.gone(node_id, list(self._parked.pop(node_id, ())), now)

    def joined(self, now: float) -> None:
        """Whoever existed at start is linked by now: what waits for anybody else waits for the dead."""
        self.is_joined = True
        for node_id in [node_id for node_id in self._parked if self._peers.get(node_id) is None]:
            self.peer_gone(node_id, now)

    def sweep(self, now: float) -> None:
        """Drop expired messages."""
        self._closures.sweep(now)
        for letter in self.boxes.expire(now):
            self._counters.expired += 1
            self._accounts.settle(letter, now)

    def letters(self) -> Iterator[Letter]:
        """Go through all that waits here."""
        return chain(self.boxes, *self._parked.values())

    @property
    def parked(self) -> int:
        """How many messages wait for a link."""
        return sum(map(len, self._parked.values()))

    def _check_ownership(self, channel: str) -> None:
        prefix, mark, _ = channel.partition(self._mark)
        if (not mark or "!" in prefix) and owner_of(channel) != self._node_id:  # the first half is faster
            raise ProtocolError(f"a message for {channel[:100]!r} came to a node that does not own it")

    def _arrive(self, letters: list[Letter], now: float) -> None:
        """Take in messages for one channel."""
        if letters[0].channel in self._closures.channels:
            self._drop_closed(letters, now)
        else:
            self._on_letters(letters, now)

    def _hand_over(self, copy: Letter, channels: list[str]) -> list[str]:
        """Give a copy to whoever stands at each of these channels, here. Returns those at which nobody does."""
        takers, driver = self.boxes.takers, self._driver_here()
        others: list[str] = []
        handed: list[Standing] = []
        for channel in channels:
            taker = takers.get(channel)
            if taker is None or taker.driver is not driver:
                others.append(channel)
            else:
                del takers[channel]
                handed.append(taker)
        if handed:
            self._counters.delivered += len(handed)
            self._on_handed(copy, handed)
        return others

    def _count_full(self, channels: list[str], room: int, reached: set[str], source: NodeId, now: float) -> None:
        """Of the members of a group some got no copy: their own channels are full, or there was no *room* for more."""
        for channel in channels[:room]:
            if channel not in reached:
                capacity = self._config.capacity_of(channel)
                cure = f"it has {capacity:,} unread; read faster, or raise capacity"
                self._counters.drop(Drop("member full", channel, source, cure), now)
        for channel in channels[room:]:
            cure = "all members of this process together have too much unread; read faster, or raise its limits"
            self._counters.drop(Drop("copies full", channel, source, cure), now)

    def _drop_closed(self, letters: list[Letter], now: float) -> None:
        self.drop(letters, CLOSED, now)
        self._accounts.tell_closed(letters, now)

    def _is_in_vain(self, owner: NodeId) -> bool:
        """Whether a node that does not hear us will not, as far as we know, or too many are waited for."""
        if owner == self._node_id or self._peers.get(owner) is not None:
            return False
        is_full = len(self._parked) >= self._config.limits.peers and owner not in self._parked
        return self.is_joined or is_full
