"""
Dispatch: the named channels of one node as a sender. Sans-I/O; used by ``mesh.py`` and ``readers.py``.

The queue stays at the sender. A message is handed over only against credit, which readers at other nodes and here
give (``readers.py``), to the least loaded of them. What a reader gives back finds its place in the queue again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any, Final, Protocol

from zmqlayer.accounts import Accounts
from zmqlayer.actions import Push
from zmqlayer.bodies import body_expiry
from zmqlayer.closures import Closures
from zmqlayer.codec import pack_control, unpack_control
from zmqlayer.config import Config
from zmqlayer.counters import CLOSED, WITHDRAWN, Counters, Drop
from zmqlayer.credits import Offer, Offers
from zmqlayer.exceptions import ChannelFull, InvalidName, ProtocolError
from zmqlayer.frames import Frame, Kind, node_topic, pack, parse_work
from zmqlayer.names import NodeId, inbox_of, owner_of
from zmqlayer.notices import Notices
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peer, Peers
from zmqlayer.queues import Backlog, Letter
from zmqlayer.readership import Readership
from zmqlayer.rooms import NODE, WATCHED, Bound

__all__ = ["Dispatch"]

RETURNED: Final = "returned beyond the limits"
RETURNED_CURE: Final = "raise queued_messages or queued_bytes of the setting limits"


class OwnReaders(Protocol):
    """The readers of the same node: what is for them does not travel."""

    @property
    def unread(self) -> int:
        """How many messages they have not taken."""

    def take_over(self, number: int, letter: Letter, now: float) -> None:
        """A message is handed to reader *number*."""


class Dispatch:
    """
    The queues of one node's named channels, and the credit it holds.

    Attributes:
        queued: How many messages wait here for a reader.
        own: The readers of this node; set once they exist.
    """

    own: OwnReaders

    def __init__(
        self, config: Config, outbox: Outbox, peers: Peers, counters: Counters, accounts: Accounts,
        notices: Notices,
    ) -> None:  # fmt: skip
        self.queued = 0
        self._node_id = outbox.node_id
        self._config = config
        self._outbox = outbox
        self._peers = peers
        self._counters = counters
        self._accounts = accounts
        self._rooms = notices.rooms
        self._custody = notices.custody
        self._backlogs: dict[str, Backlog] = {}
        self._closures = Closures(config.limits.closed_channels)
        self._offers = Offers(int.from_bytes(self._node_id[:4]), self._load)
        self._readership = Readership(config.limits.reader_channels)
        self._numbered = 0
        self._queued_bytes = 0

    def send(self, channel: str, body: bytes, now: float) -> None:
        """
        Queue one message for whoever reads *channel*.

        Raises:
            ChannelFull: ``capacity`` messages of this node wait already.
        """
        self._check_room(channel, len(body))
        key = inbox_of(channel)
        backlog = self._backlogs.get(key)
        if backlog and len(backlog) >= (capacity := self._config.capacity_of(channel)):
            self._expire(backlog, now)
            if len(backlog) >= capacity:
                self._counters.refused += 1
                raise ChannelFull(channel, capacity)
        self._counters.accepted += 1
        self._numbered += 1
        deadline = now + body_expiry(channel, self._config.expiry)
        letter = Letter(channel, body, deadline, self._node_id, False, self._numbered)
        if not backlog and (offer := self._offers.next(key)) is not None:
            self._hand_over(letter, offer, now)
        else:
            self._enqueue(key, letter, now)

    def entrust(self, channel: str, body: bytes, token: Hashable, now: float) -> None:
        """
        Queue one message, and tell if it is lost.

        Raises:
            ChannelFull: As :meth:`send`; or too many are watched.
            InvalidName: The messages of *channel* are queued elsewhere.
        """
        owner = owner_of(channel)
        if owner is not None and (owner != self._node_id or "!" in channel):
            raise InvalidName(channel, "is read by its owner alone: what becomes of a message there is not told")
        if self._custody.is_full:
            self._counters.refused += 1
            raise ChannelFull(channel, self._config.limits.entrusted, "entrusted")
        self._custody.watch(self._numbered + 1, token)
        try:
            self.send(channel, body, now)
        except ChannelFull:
            self._custody.forget(token)
            raise

    def withdraw(self, channel: str, token: Hashable, now: float) -> None:
        """Watch an entrusted message no longer, and drop it if it waits here still: nobody wants it any more."""
        number, backlog = self._custody.forget(token), self._backlogs.get(inbox_of(channel))
        letter = backlog.remove(number) if backlog is not None and number is not None else None
        if letter is not None:
            self._leave([letter], now)
            self._counters.drop(Drop(WITHDRAWN, channel), now)

    def blocked_by(self, channel: str, now: float) -> Bound | None:
        """Return what has no room for a message to *channel*, however large it is; None if there is room."""
        limits, size = self._config.limits, self._queued_bytes + self._config.max_message_size
        if self.queued >= limits.queued_messages or size > limits.queued_bytes:
            return NODE
        if self._custody.is_full:
            return WATCHED
        backlog = self._backlogs.get(inbox_of(channel))
        capacity = self._config.capacity_of(channel)
        if backlog is not None and len(backlog) >= capacity:
            self._expire(backlog, now)
            return inbox_of(channel) if len(backlog) >= capacity else None
        return None

    def has_reader(self, channel: str) -> bool:
        """Whether a reader of *channel* is known, here or at a peer; one that is silent is one too, or busy."""
        key = inbox_of(channel)
        return self._offers.has(key) or key in self._readership

    def enqueue(self, letter: Letter, now: float) -> None:
        """Queue a message that this node holds for its readers."""
        self._numbered += 1
        self._enqueue(inbox_of(letter.channel), replace(letter, number=self._numbered), now)

    def credit(self, frame: Frame, peer: Peer, now: float) -> None:
        """
        A peer's reader grants credit, or withdraws.

        Raises:
            ProtocolError: The payload is malformed.
        """
        payload = unpack_control(frame.body)
        reader, limit, channels = _read_credit(payload)
        if payload.get("link") != peer.their_link or not peer.is_up:
            return
        if limit is None:
            self._readership.note(peer.node_id, self._offers.withdraw(peer.node_id, reader), now)
            self._push(peer, Kind.ENDED, {"reader": reader})
            return
        if "done" in payload:
            self._accounts.of(peer.node_id).note_done(payload["done"])
        known = self._offers.find(peer.node_id, reader)
        if known is not None and limit < known.limit:
            self._offers.put(peer.node_id, reader, (), limit)
            self._push(peer, Kind.CEDED, {"link": peer.their_link, "reader": reader, "limit": known.limit})
        elif known is not None or channels:
            if known is None:
                self._check_offer(peer, channels)
            self.spend(self._offers.put(peer.node_id, reader, channels, limit), now)

    def returned(self, frame: Frame, now: float) -> None:
        """
        A reader gives back a message that nobody started: it goes back to its place in the queue.

        It had its place there before, so no honest peer gives back more than there was room for; what it was handed may
        have been followed by as much.

        Raises:
            ProtocolError: The payload is malformed.
        """
        self._accounts.of(frame.source).note_returned()
        _, _, number, body = parse_work(frame.body)
        self._custody.returned(number, frame.source)
        limits, channel = self._config.limits, frame.target
        if self.queued >= 2 * limits.queued_messages or self._queued_bytes + len(body) > 2 * limits.queued_bytes:
            self._counters.drop(Drop(RETURNED, channel, frame.source, RETURNED_CURE), now)
            self._custody.expired(number)
            return
        lives_s = min(frame.ttl_ms / 1000, body_expiry(channel, self._config.expiry))
        self._restore(Letter(channel, body, now + lives_s, self._node_id, number=number), now)
        self._dispatch(inbox_of(channel), now)

    def offer_own(self, reader: int, channels: tuple[str, ...], limit: int) -> Offer:
        """A reader of this node gives credit, which :meth:`spend` uses."""
        return self._offers.put(self._node_id, reader, channels, limit)

    def spend(self, offer: Offer, now: float) -> None:
        """Use fresh credit: of all queues that it is good for, the longest waiting message goes first."""
        waiting = [b for channel in offer.channels if (b := self._backlogs.get(channel))]
        while waiting and offer.limit > offer.sent:
            backlog = waiting[0] if len(waiting) == 1 else min(waiting, key=Backlog.oldest)
            self._take_out(backlog, offer, now)
            if not backlog:
                waiting.remove(backlog)

    def lost(self, letter: Letter) -> None:
        """A reader of this node threw a message away."""
        if letter.source == self._node_id:
            self._custody.expired(letter.number)

    def withdraw_own(self, reader: int) -> None:
        """A reader of this node ends, or is busy: its credit is void."""
        self._offers.withdraw(self._node_id, reader)

    def restore_own(self, letters: list[Letter], now: float) -> None:
        """A reader of this node gives back what it did not take."""
        keys = dict.fromkeys(inbox_of(letter.channel) for letter in letters)
        for letter in letters:
            self._restore(letter, now)
        for key in keys:
            self._dispatch(key, now)

    # Links

    def peer_silent(self, node_id: NodeId) -> None:
        """A peer is silent: it keeps its credit, and gets no new work until it is heard again."""
        self._offers.suspend(node_id)

    def peer_heard(self, node_id: NodeId, now: float) -> None:
        """A silent peer is heard again: it gets work again."""
        for offer in self._offers.resume(node_id):
            self.spend(offer, now)

    def peer_down(self, node_id: NodeId, now: float) -> None:
        """A link is gone or starts anew: the credit that the peer gave is void."""
        self._readership.note(node_id, self._offers.forget(node_id), now)

    def peer_gone(self, node_id: NodeId) -> None:
        """A peer is gone: it reads nothing any more."""
        self._readership.forget(node_id)

    # Time

    def sweep(self, now: float) -> None:
        """Drop expired messages; forget empty queues."""
        self._closures.sweep(now)
        self._readership.sweep(now)
        for key, backlog in list(self._backlogs.items()):
            self._expire(backlog, now)
            if not backlog:
                del self._backlogs[key]

    def drop(self, channel: str, now: float) -> None:
        """Drop what waits in a ``?`` channel of this node, and what its reader gives back later; tell who sent it."""
        self._closures.add(channel, now, self._numbered)
        backlog = self._backlogs.get(channel)
        if backlog is not None:
            letters = backlog.clear()
            self._counters.drop(Drop(CLOSED, channel), now, self._lose(letters, now))
            self._accounts.tell_closed(letters, now)

    def clear(self, now: float) -> None:
        """Drop everything that waits."""
        for key, backlog in self._backlogs.items():
            self._counters.drop(Drop("flushed", key), now, self._lose(backlog.clear(), now))

    def held(self, source: NodeId) -> dict[str, int]:
        """Return the ``?`` channels whose queue holds messages of a peer, each with the sequence of the oldest."""
        oldest: dict[str, int] = {}
        for backlog in self._backlogs.values():
            for letter in backlog:
                if letter.source == source:
                    oldest.setdefault(letter.channel, letter.sequence)
        return oldest

    def letters(self) -> Iterator[Letter]:
        """Go through all that waits here."""
        return chain(*self._backlogs.values())

    # Inside

    def _enqueue(self, key: str, letter: Letter, now: float) -> None:
        backlog = self._backlogs.get(key)
        if backlog is None:
            backlog = self._backlogs[key] = Backlog()
        self._queue(letter, backlog.append)
        self._dispatch(key, now)

    def _dispatch(self, key: str, now: float) -> None:
        """Hand over what one queue holds, while anyone has credit for it."""
        backlog = self._backlogs[key]
        while backlog and (offer := self._offers.next(key)) is not None:
            self._take_out(backlog, offer, now)

    def _leave(self, letters: list[Letter], now: float) -> None:
        """Report what left one queue here to those who wait for it, here and elsewhere."""
        for letter in letters:
            self.queued -= 1
            self._queued_bytes -= len(letter.body)
            if letter.source != self._node_id:
                self._accounts.settle(letter, now)
        if self._rooms.lines and letters:
            self._rooms.freed(inbox_of(letters[0].channel))
            self._rooms.freed(NODE)

    def _lose(self, letters: list[Letter], now: float) -> int:
        """Note that a queue here threw letters away. Returns how many."""
        self._leave(letters, now)
        for letter in letters:
            self._custody.expired(letter.number)
        return len(letters)

    def _queue(self, letter: Letter, put: Callable[[Letter], None]) -> None:
        self.queued += 1
        self._queued_bytes += len(letter.body)
        put(letter)

    def _check_room(self, channel: str, size: int) -> None:
        limits = self._config.limits
        if self.queued >= limits.queued_messages:
            self._counters.refused += 1
            raise ChannelFull(channel, limits.queued_messages, "node messages")
        if self._queued_bytes + size > limits.queued_bytes:
            self._counters.refused += 1
            raise ChannelFull(channel, limits.queued_bytes, "node bytes")

    def _check_offer(self, peer: Peer, channels: tuple[str, ...]) -> None:
        limits = self._config.limits
        if len(channels) > limits.reader_channels or self._offers.count(peer.node_id) >= limits.readers:
            raise ProtocolError(f"it has too many readers, or one of {len(channels)} channels")

    def _expire(self, backlog: Backlog, now: float) -> None:
        self._counters.expired += self._lose(backlog.expire(now), now)

    def _take_out(self, backlog: Backlog, offer: Offer, now: float) -> None:
        """Hand over the oldest message of a queue."""
        letter = backlog.pop()
        self._leave([letter], now)
        self._hand_over(letter, offer, now)

    def _hand_over(self, letter: Letter, offer: Offer, now: float) -> None:
        ttl_ms = int((letter.deadline - now) * 1000)
        if ttl_ms <= 0:
            self._counters.expired += 1
            self._custody.expired(letter.number)
            return
        offer.sent += 1
        peer = self._peers.get(offer.peer)
        if peer is not None:
            sequence = self._accounts.hand_over(offer.peer)
            if self._custody.items:
                self._custody.handed(letter.number, offer.peer, sequence)
            self._outbox.work(peer, offer.reader, letter, ttl_ms, sequence)
        else:
            is_own = letter.source == self._node_id
            self.own.take_over(offer.reader, letter if is_own else replace(letter, source=self._node_id), now)

    def _load(self, node_id: NodeId) -> int:
        """Return how many messages that were handed to a node nobody there has started, as far as is known."""
        return self.own.unread if node_id == self._node_id else self._accounts.load(node_id)

    def _restore(self, letter: Letter, now: float) -> None:
        backlog = self._backlogs.setdefault(inbox_of(letter.channel), Backlog())
        if self._closures.is_behind(letter.channel, letter.number):
            self._counters.drop(Drop(CLOSED, letter.channel), now)
            self._custody.expired(letter.number)
        else:
            self._queue(letter, backlog.restore)

    def _push(self, peer: Peer, kind: Kind, payload: dict[str, object]) -> None:
        """Push a control frame: it arrives after all work that was handed over before."""
        wire = pack(node_topic(peer.node_id), kind, self._node_id, 0, "", pack_control(payload))
        self._outbox.do(Push(peer.pull, wire))


def _read_credit(payload: dict[str, Any]) -> tuple[int, int | None, tuple[str, ...]]:
    """Return (reader, limit, channels) of a CREDIT frame; the reader's number fits where WORK names it."""
    reader, limit, channels = payload.get("reader"), payload.get("limit"), payload.get("channels", [])
    if type(reader) is not int or not 0 <= reader < 2**32:
        raise ProtocolError(f"CREDIT is for reader {reader!r}")
    if type(limit) not in (int, type(None)):
        raise ProtocolError(f"CREDIT has the limit {limit!r}")
    if type(channels) is not list or not all(type(channel) is str for channel in channels):
        raise ProtocolError("CREDIT has no list of channels")
    if len(set(channels)) != len(channels):
        raise ProtocolError("CREDIT names a channel twice")
    return reader, limit, tuple(channels)
