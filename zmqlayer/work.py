"""
Work: messages of named channels. Sans-I/O; used by ``mesh.py`` only.

The queue stays at the sender. A node whose receivers wait for a set of channels is a *reader*; it gives credit
to every sender, and a message is handed over only against credit, to readers in turn. So a
reader that dies takes no more than its credit with it, and one that closes gives back what nobody started.
A sender confirms the end of a reader with ENDED, behind its last message for it, so that a node that leaves
knows when everything that was on its way has come, and gone back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from zmqlayer.accounts import Accounts
from zmqlayer.actions import Publish, Push
from zmqlayer.codec import pack_control, unpack_control
from zmqlayer.config import Config
from zmqlayer.counters import Counters, Drop
from zmqlayer.credits import Offer, Offers, Reader
from zmqlayer.exceptions import ChannelFull, ProtocolError
from zmqlayer.frames import Frame, Kind, node_topic, pack, pack_work, parse_work
from zmqlayer.names import NodeId, inbox_of
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peer, Peers
from zmqlayer.queues import Backlog, Letter

__all__ = ["Work"]

IDLE_READER_S = 10.0
POLL_LASTS_S = 1.0


class Work:
    """
    The named channels of one node: what it sends, and what its receivers read.

    Args:
        on_readable: Called with the channels of a reader that got a message.
    """

    def __init__(
        self, config: Config, outbox: Outbox, peers: Peers, counters: Counters, accounts: Accounts,
        on_readable: Callable[[tuple[str, ...]], None],
    ) -> None:  # fmt: skip
        self._node_id = outbox.node_id
        self._config = config
        self._outbox = outbox
        self._peers = peers
        self._counters = counters
        self._accounts = accounts
        self._on_readable = on_readable
        self._backlogs: dict[str, Backlog] = {}
        self._offers = Offers(int.from_bytes(self._node_id[:4]), self._load)
        self._readers: dict[tuple[str, ...], Reader] = {}
        self._by_number: dict[int, Reader] = {}
        self._inboxes: dict[int, deque[Letter]] = {}
        self._ending: dict[int, set[NodeId]] = {}
        self._numbers = 0
        self._numbered = 0
        self._queued = 0
        self._queued_bytes = 0
        self._is_closing = False

    # Sending

    def send(self, channel: str, body: bytes, now: float) -> None:
        """
        Queue one message for whoever reads *channel*.

        Raises:
            ChannelFull: ``capacity`` messages of this node wait already.
        """
        self._check_room(channel, len(body))
        backlog = self._backlogs.get(inbox_of(channel))
        capacity = self._config.capacity_of(channel)
        if backlog is not None and len(backlog) >= capacity:
            self._expire(backlog, now)
            if len(backlog) >= capacity:
                self._counters.refused += 1
                raise ChannelFull(channel, capacity)
        self._counters.accepted += 1
        self.enqueue(Letter(channel, body, now + self._config.expiry, self._node_id), now)

    def enqueue(self, letter: Letter, now: float) -> None:
        """Queue a message that this node holds for its readers."""
        key = inbox_of(letter.channel)
        backlog = self._backlogs.get(key)
        if backlog is None:
            backlog = self._backlogs[key] = Backlog()
        self._numbered += 1
        self._queue(letter._replace(number=self._numbered), backlog.append)
        self._dispatch(key, now)

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
            self._offers.withdraw(peer.node_id, reader)
            self._push(peer, Kind.ENDED, {"reader": reader})
            return
        if "done" in payload:
            self._accounts.note_done(peer.node_id, payload["done"])
        known = self._offers.find(peer.node_id, reader)
        if known is not None and limit < known.limit:
            self._offers.put(peer.node_id, reader, (), limit)
            self._push(peer, Kind.CEDED, {"link": peer.their_link, "reader": reader, "limit": known.limit})
        elif known is not None or channels:
            if known is None:
                self._check_offer(peer, channels)
            self._spend(self._offers.put(peer.node_id, reader, channels, limit), now)

    def returned(self, frame: Frame, now: float) -> None:
        """
        A reader gives back a message that nobody started: it goes back to its place in the queue.

        Raises:
            ProtocolError: The payload is malformed.
        """
        self._accounts.returned(frame.source)
        _, _, number, body = parse_work(frame.body)
        self._restore(Letter(frame.target, body, now + frame.ttl_ms / 1000, self._node_id, number=number))
        self._dispatch(inbox_of(frame.target), now)

    # Receiving

    def work(self, frame: Frame, peer: Peer, now: float) -> None:
        """
        A message was handed to one of our readers. One for a reader that was withdrawn goes back.

        Raises:
            ProtocolError: The payload is malformed.
        """
        link, reader_number, number, body = parse_work(frame.body)
        reader = self._by_number.get(reader_number)
        letter = Letter(frame.target, body, now + frame.ttl_ms / 1000, frame.source, number=number)
        if reader is None:
            self._give_back(letter, now)
        else:
            self._arrive(reader, letter, spends_credit=link == peer.our_link)

    def ended(self, frame: Frame) -> None:
        """
        A sender heard that one of our readers left: nothing more comes for it.

        Raises:
            ProtocolError: The payload is malformed.
        """
        number = unpack_control(frame.body).get("reader")
        if type(number) is not int:
            raise ProtocolError("ENDED is malformed")
        self._settle_ending(frame.source, number)

    def ceded(self, frame: Frame, peer: Peer, now: float) -> None:
        """
        A sender gave back credit that was recalled, behind all that it had handed over: others can have it.

        Raises:
            ProtocolError: The payload is malformed.
        """
        payload = unpack_control(frame.body)
        number, limit = payload.get("reader"), payload.get("limit")
        if type(number) is not int or type(limit) is not int:
            raise ProtocolError("CEDED is malformed")
        reader = self._by_number.get(number)
        if reader is not None and payload.get("link") == peer.our_link:
            reader.ceded(peer.node_id, limit)
            self._grant(reader, now)

    def pop(self, channels: tuple[str, ...], now: float) -> Letter | None:
        """Remove and return the oldest living message that arrived for the reader of *channels*."""
        reader = self._readers.get(channels)
        if reader is None:
            return None
        reader.used_at = now
        inbox = self._inboxes[reader.number]
        while inbox:
            letter = inbox.popleft()
            reader.unread -= 1
            self._accounts.finish(letter, now)
            if letter.deadline > now:
                self._grant(reader, now)
                return letter
            self._counters.expired += 1
        return None

    def wait(self, channels: tuple[str, ...], now: float) -> None:
        """One more receiver waits for *channels*."""
        reader = self._reader(channels, now)
        reader.waiting += 1
        reader.used_at = now
        self._grant(reader, now)

    def unwait(self, channels: tuple[str, ...]) -> None:
        """A waiting receiver was woken, or gave up."""
        self._readers[channels].waiting -= 1

    def poll(self, channels: tuple[str, ...], now: float) -> None:
        """A receiver looked and did not wait: keep credit for one message out for a second."""
        reader = self._reader(channels, now)
        reader.used_at = now
        reader.polled_until = now + POLL_LASTS_S
        self._grant(reader, now)

    # Links

    def peer_up(self, now: float) -> None:
        """A link came up: its node may send to our readers."""
        for reader in self._readers.values():
            self._grant(reader, now)

    def peer_silent(self, node_id: NodeId) -> None:
        """A peer is silent: it keeps its credit, and gets no new work until it is heard again."""
        self._offers.suspend(node_id)

    def peer_heard(self, node_id: NodeId, now: float) -> None:
        """A silent peer is heard again: it gets work again."""
        for offer in self._offers.resume(node_id):
            self._spend(offer, now)

    def peer_down(self, node_id: NodeId) -> None:
        """A link is gone or starts anew: its credit is void in both directions."""
        self._offers.forget(node_id)
        for number in list(self._ending):
            self._settle_ending(node_id, number)
        for reader in self._readers.values():
            reader.forget(node_id)

    def withdraw(self, now: float) -> None:
        """Stop reading: take all credit back and return what nobody started."""
        self._is_closing = True
        for reader in list(self._readers.values()):
            self._withdraw(reader, now)

    # Time

    def sweep(self, now: float) -> None:
        """Drop expired messages; forget empty queues and readers that nobody used for a while."""
        for key, backlog in list(self._backlogs.items()):
            self._expire(backlog, now)
            if not backlog:
                del self._backlogs[key]
        for reader in list(self._readers.values()):
            if not reader.waiting and now - reader.used_at >= IDLE_READER_S:
                self._withdraw(reader, now)

    def clear(self, now: float) -> None:
        """Drop everything that waits, on either side."""
        for key, backlog in self._backlogs.items():
            letters = backlog.clear()
            self._counters.drop(Drop("flushed", key), now, self._leave(letters, now))
        for reader in self._readers.values():
            inbox = self._inboxes[reader.number]
            for letter in inbox:
                self._counters.drop(Drop("flushed", letter.channel), now)
                self._accounts.finish(letter, now)
            reader.unread = 0
            inbox.clear()

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
        return chain(*self._backlogs.values(), *self._inboxes.values())

    @property
    def queued(self) -> int:
        """How many messages wait here for a reader elsewhere."""
        return self._queued

    @property
    def is_ending(self) -> bool:
        """Whether a sender may still hand over work to a reader of ours that left."""
        return bool(self._ending)

    @property
    def unread(self) -> int:
        """How many messages arrived here and were not taken."""
        return sum(map(len, self._inboxes.values()))

    # Inside

    def _reader(self, channels: tuple[str, ...], now: float) -> Reader:
        reader = self._readers.get(channels)
        if reader is None:
            self._numbers += 1
            reader = Reader(self._numbers, channels, self._config.prefetch, now)
            self._readers[channels] = self._by_number[reader.number] = reader
            self._inboxes[reader.number] = deque()
        return reader

    def _grant(self, reader: Reader, now: float) -> None:
        if self._is_closing:
            return
        if (own := self._grant_own(reader, now)) is not None:
            self._spend(own, now)
        for sender, limit, is_first in reader.grant(self._peers.ready(), now):
            if (peer := self._peers.get(sender)) is not None:
                payload: dict[str, object] = {"link": peer.our_link, "reader": reader.number, "limit": limit}
                payload["done"] = self._accounts.finished(sender)
                if is_first:
                    payload["channels"] = reader.channels
                self._outbox.tell(sender, Kind.CREDIT, payload)

    def _grant_own(self, reader: Reader, now: float) -> Offer | None:
        limit = reader.grant_own(self._node_id, now)
        return None if limit is None else self._offers.put(self._node_id, reader.number, reader.channels, limit)

    def _dispatch(self, key: str, now: float) -> None:
        """Hand over what one queue holds, while anyone has credit for it."""
        backlog = self._backlogs[key]
        while backlog and (offer := self._offers.next(key)) is not None:
            self._hand_over(backlog, offer, now)

    def _spend(self, offer: Offer, now: float) -> None:
        """Use fresh credit: of all queues that it is good for, the longest waiting message goes first."""
        while offer.free > 0:
            waiting = [b for channel in offer.channels if (b := self._backlogs.get(channel))]
            if not waiting:
                return
            self._hand_over(min(waiting, key=Backlog.oldest), offer, now)

    def _leave(self, letters: list[Letter], now: float) -> int:
        """Report what left a queue here to those who wait for it elsewhere. Returns how many letters left."""
        for letter in letters:
            self._queued -= 1
            self._queued_bytes -= len(letter.body)
            if letter.source != self._node_id:
                self._accounts.settle(letter, now)
        return len(letters)

    def _queue(self, letter: Letter, put: Callable[[Letter], None]) -> None:
        self._queued += 1
        self._queued_bytes += len(letter.body)
        put(letter)

    def _check_room(self, channel: str, size: int) -> None:
        limits = self._config.limits
        if self._queued >= limits.queued_messages:
            self._counters.refused += 1
            raise ChannelFull(channel, limits.queued_messages, "node messages")
        if self._queued_bytes + size > limits.queued_bytes:
            self._counters.refused += 1
            raise ChannelFull(channel, limits.queued_bytes, "node bytes")

    def _check_offer(self, peer: Peer, channels: tuple[str, ...]) -> None:
        limits = self._config.limits
        if len(channels) > limits.reader_channels or self._offers.count(peer.node_id) >= limits.readers:
            raise ProtocolError(f"it has too many readers, or one of {len(channels)} channels")

    def _load(self, node_id: NodeId) -> int:
        """Return how many messages that were handed to a node nobody there has started, as far as is known."""
        return self.unread if node_id == self._node_id else self._accounts.load(node_id)

    def _expire(self, backlog: Backlog, now: float) -> None:
        self._counters.expired += self._leave(backlog.expire(now), now)

    def _restore(self, letter: Letter) -> None:
        self._queue(letter, self._backlogs.setdefault(inbox_of(letter.channel), Backlog()).restore)

    def _hand_over(self, backlog: Backlog, offer: Offer, now: float) -> None:
        letter = backlog.pop()
        ttl_ms = int((letter.deadline - now) * 1000)
        self._leave([letter], now)
        if ttl_ms <= 0:
            self._counters.expired += 1
            return
        offer.sent += 1
        peer = self._peers.get(offer.peer)
        if peer is not None:
            body = pack_work(peer.their_link, offer.reader, letter.number, letter.body)
            sequence = self._accounts.hand_over(offer.peer)
            wire = pack(node_topic(offer.peer), Kind.WORK, self._node_id, ttl_ms, letter.channel, body, sequence)
            self._outbox.do(Push(peer.pull, wire))
        else:
            reader = self._by_number[offer.reader]
            self._arrive(reader, letter._replace(source=self._node_id), spends_credit=True)
            self._grant_own(reader, now)  # the caller's loop spends it, if there is more

    def _arrive(self, reader: Reader, letter: Letter, *, spends_credit: bool) -> None:
        if spends_credit:
            reader.received(letter.source)
        reader.unread += 1
        self._inboxes[reader.number].append(letter)
        self._on_readable(reader.channels)

    def _withdraw(self, reader: Reader, now: float) -> None:
        """End a reader. What it did not take goes back to its place in the queues it came from."""
        del self._readers[reader.channels]
        del self._by_number[reader.number]
        self._offers.withdraw(self._node_id, reader.number)
        for sender in reader.lines:
            peer = self._peers.get(sender)
            if peer is not None:
                payload: dict[str, object] = {"link": peer.our_link, "reader": reader.number, "limit": None}
                self._outbox.tell(sender, Kind.CREDIT, payload)
                self._ending.setdefault(reader.number, set()).add(sender)
        keys: dict[str, None] = {}
        for letter in self._inboxes.pop(reader.number):
            if letter.source == self._node_id:
                self._restore(letter)
                keys[inbox_of(letter.channel)] = None
            else:
                self._give_back(letter, now)
        for key in keys:
            self._dispatch(key, now)

    def _settle_ending(self, sender: NodeId, number: int) -> None:
        senders = self._ending.get(number, set())
        senders.discard(sender)
        if not senders:
            self._ending.pop(number, None)

    def _push(self, peer: Peer, kind: Kind, payload: dict[str, object]) -> None:
        """Push a control frame: it arrives after all work that was handed over before."""
        wire = pack(node_topic(peer.node_id), kind, self._node_id, 0, "", pack_control(payload))
        self._outbox.do(Push(peer.pull, wire))

    def _give_back(self, letter: Letter, now: float) -> None:
        self._accounts.finish(letter, now)
        ttl_ms = int((letter.deadline - now) * 1000)
        if ttl_ms <= 0:
            self._counters.expired += 1
            return
        body = pack_work(0, 0, letter.number, letter.body)
        sequence = self._accounts.give_back(letter.source)
        wire = pack(node_topic(letter.source), Kind.RETURN, self._node_id, ttl_ms, letter.channel, body, sequence)
        self._outbox.do(Publish(wire))


def _read_credit(payload: dict[str, Any]) -> tuple[int, int | None, tuple[str, ...]]:
    """Return (reader, limit, channels) of a CREDIT frame; the reader's number fits where WORK names it."""
    reader, limit, channels = payload.get("reader"), payload.get("limit"), payload.get("channels", [])
    if type(reader) is not int or not 0 <= reader < 2**32:
        raise ProtocolError(f"CREDIT is for reader {reader!r}")
    if type(limit) not in (int, type(None)):
        raise ProtocolError(f"CREDIT has the limit {limit!r}")
    if type(channels) is not list or not all(type(channel) is str for channel in channels):
        raise ProtocolError("CREDIT has no list of channels")
    return reader, limit, tuple(channels)
