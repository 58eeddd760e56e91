"""
Credits: who may send how much to whom. Pure arithmetic on counters; nothing is queued or sent here.

Three books are kept:

* :class:`Windows` — at a sender: what each process channel elsewhere has not consumed yet (design, section 5).
* :class:`Reader` — at a receiver: how many messages each sender may hand over for one set of channels.
* :class:`Offers` — at a sender: the credit that readers gave, and which of them gets the next message.

Credit is a cumulative limit, as in QUIC's MAX_DATA (RFC 9000, section 4): "up to message number N on this
link". Saying it twice changes nothing, and both sides start again from zero when a link starts anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from zmqlayer.exceptions import ChannelFull
from zmqlayer.names import NodeId

__all__ = ["Offer", "Offers", "Reader", "Windows"]

REPORT_LATE_S: Final = 10.0


class _Window:
    """
    Messages of ours that one channel of a peer has not consumed: (deadline, bytes) each, oldest first.

    Those that must have expired at the peer are forgiven here. The peer will report them all the same, within
    seconds of its own clock; so their deadlines are kept until then, lest they be counted a second time.
    """

    __slots__ = ("forgiven", "unread")

    def __init__(self) -> None:
        self.unread: deque[tuple[float, int]] = deque()
        self.forgiven: deque[float] = deque()


class _PeerWindows:
    """All windows towards one peer, and their sums."""

    __slots__ = ("channels", "size", "unread")

    def __init__(self) -> None:
        self.channels: dict[str, _Window] = {}
        self.unread = 0
        self.size = 0


class Windows:
    """
    What was sent to process channels and not consumed yet, per peer and channel.

    Args:
        peer_messages: Most messages outstanding to one peer.
        peer_bytes: Most bytes outstanding to one peer.
    """

    def __init__(self, peer_messages: int, peer_bytes: int) -> None:
        self._peer_messages = peer_messages
        self._peer_bytes = peer_bytes
        self._peers: dict[NodeId, _PeerWindows] = {}

    def admit(self, peer: NodeId, channel: str, size: int, deadline: float, capacity: int, now: float) -> None:
        """
        Count one message of *size* bytes that will be sent to *channel* of *peer*.

        Raises:
            ChannelFull: *capacity* messages to the channel are unread, or the peer's limit is reached.
        """
        books = self._peers.get(peer)
        if books is None:
            books = self._peers[peer] = _PeerWindows()
        window = books.channels.get(channel)
        if window is None:
            window = books.channels[channel] = _Window()
        if len(window.unread) >= capacity:
            self._forgive_expired(books, window, now)
            if len(window.unread) >= capacity:
                raise ChannelFull(channel, capacity)
        self._check_peer(books, channel, size, now)
        window.unread.append((deadline, size))
        books.unread += 1
        books.size += size

    def settle(self, peer: NodeId, channel: str, count: int) -> None:
        """Note that the owner of *channel* is done with *count* messages of ours: read, expired or dropped."""
        books = self._peers.get(peer)
        window = books.channels.get(channel) if books else None
        if books is None or window is None:
            return
        known = min(count, len(window.forgiven))
        for _ in range(known):
            window.forgiven.popleft()
        for _ in range(min(count - known, len(window.unread))):
            books.unread -= 1
            books.size -= window.unread.popleft()[1]
        if not window.unread and not window.forgiven:
            del books.channels[channel]

    def forget(self, peer: NodeId) -> int:
        """Forget a peer that is gone, and return how many messages were outstanding to it."""
        books = self._peers.pop(peer, None)
        return books.unread if books else 0

    def outstanding(self, peer: NodeId) -> int:
        """Return how many messages are outstanding to *peer*."""
        books = self._peers.get(peer)
        return books.unread if books else 0

    def expire(self, now: float) -> None:
        """Stop counting messages that must have expired where they are."""
        for books in self._peers.values():
            for channel in list(books.channels):
                window = books.channels[channel]
                self._forgive_expired(books, window, now)
                while window.forgiven and window.forgiven[0] + REPORT_LATE_S <= now:
                    window.forgiven.popleft()
                if not window.unread and not window.forgiven:
                    del books.channels[channel]

    def _check_peer(self, books: _PeerWindows, channel: str, size: int, now: float) -> None:
        if books.unread < self._peer_messages and books.size + size <= self._peer_bytes:
            return
        for window in books.channels.values():
            self._forgive_expired(books, window, now)
        if books.unread >= self._peer_messages:
            raise ChannelFull(channel, self._peer_messages, "peer messages")
        if books.size + size > self._peer_bytes:
            raise ChannelFull(channel, self._peer_bytes, "peer bytes")

    @staticmethod
    def _forgive_expired(books: _PeerWindows, window: _Window, now: float) -> None:
        while window.unread and window.unread[0][0] <= now:
            deadline, size = window.unread.popleft()
            books.unread -= 1
            books.size -= size
            window.forgiven.append(deadline)


@dataclass(slots=True)
class _Line:
    """What one sender was granted by one reader on the present link, and what arrived of it."""

    granted: int = 0
    received: int = 0

    @property
    def outstanding(self) -> int:
        return max(0, self.granted - self.received)


@dataclass(slots=True)
class Reader:
    """
    Receivers of this node that wait for the same set of channels, and the credit they gave to senders.

    The window is what the receivers could take at once: those waiting, plus *prefetch*. Each sender is granted
    an equal share of it and, while anyone waits, at least one message, so that no sender needs to ask first.

    Attributes:
        number: Names the reader in frames.
        channels: Names, sorted.
        waiting: Receivers waiting now.
        prefetch: Messages that may lie unread here although nobody waits.
        unread: Messages that arrived and were not taken.
        used_at: Monotonic seconds of the last call that wanted a message.
        polled_until: Until then a receiver that looks without waiting counts as waiting.
    """

    number: int
    channels: tuple[str, ...]
    prefetch: int
    used_at: float
    waiting: int = 0
    unread: int = 0
    polled_until: float = 0.0
    lines: dict[NodeId, _Line] = field(default_factory=dict)

    def grant(self, senders: Iterable[NodeId], now: float) -> list[tuple[NodeId, int, bool]]:
        """
        Return the new limits that the present window allows to *senders*.

        Returns:
            (sender, limit, whether it is the first on this link). With a window of many messages, credit is
            renewed when half of a sender's share is spent, not with each message.
        """
        lines = {sender: self.lines.setdefault(sender, _Line()) for sender in senders}
        free = self._free(now)
        if free <= 0 or not lines:
            return []
        share = max(1, -(-free // len(lines)))
        spare = free - sum(line.outstanding for line in lines.values())
        grants = []
        for sender, line in sorted(lines.items(), key=_outstanding):
            more = min(share - line.outstanding, max(spare, 1 - line.outstanding))
            if more > 0 and (line.outstanding == 0 or more >= share // 2):
                spare -= more
                grants.append((sender, line.received + line.outstanding + more, line.granted == 0))
                line.granted = grants[-1][1]
        return grants

    def grant_own(self, own: NodeId, now: float) -> int | None:
        """
        Return the new limit for the reader's own node, or None if it stays.

        What a node queued for itself is handed over at once, so it needs no share of the window in store: one
        message at a time is as good.
        """
        line = self.lines.setdefault(own, _Line())
        if line.outstanding or self._free(now) <= 0:
            return None
        line.granted = line.received + 1
        return line.granted

    def _free(self, now: float) -> int:
        return max(self.waiting, int(now < self.polled_until)) + self.prefetch - self.unread

    def received(self, sender: NodeId) -> None:
        """Count one message of *sender* against its credit."""
        self.lines.setdefault(sender, _Line()).received += 1

    def forget(self, sender: NodeId) -> None:
        """Start from zero with a sender whose link started anew, or is gone."""
        self.lines.pop(sender, None)


@dataclass(slots=True)
class Offer:
    """The credit that one reader of one peer gave to this node."""

    peer: NodeId
    reader: int
    channels: tuple[str, ...]
    limit: int = 0
    sent: int = 0

    @property
    def free(self) -> int:
        return self.limit - self.sent


class Offers:
    """All credit this node holds, found by channel. Readers that have credit take turns."""

    def __init__(self) -> None:
        self._offers: dict[tuple[NodeId, int], Offer] = {}
        self._by_channel: dict[str, deque[Offer]] = {}
        self._suspended: set[NodeId] = set()

    def __len__(self) -> int:
        return len(self._offers)

    def put(self, peer: NodeId, reader: int, channels: tuple[str, ...], limit: int) -> Offer:
        """Note that *reader* of *peer* takes up to message number *limit* for any of *channels*."""
        offer = self._offers.get((peer, reader))
        if offer is None:
            offer = self._offers[peer, reader] = Offer(peer, reader, channels)
            for channel in channels:
                self._by_channel.setdefault(channel, deque()).append(offer)
        offer.limit = max(offer.limit, limit)
        return offer

    def next(self, channel: str) -> Offer | None:
        """Return the next offer in turn that has credit for *channel* left, or None."""
        offers = self._by_channel.get(channel, ())
        for offer in offers:
            if offer.free > 0 and offer.peer not in self._suspended:
                self._by_channel[channel].remove(offer)
                self._by_channel[channel].append(offer)
                return offer
        return None

    def find(self, peer: NodeId, reader: int) -> Offer | None:
        """Return one reader's offer, or None if it was withdrawn."""
        return self._offers.get((peer, reader))

    def withdraw(self, peer: NodeId, reader: int) -> None:
        """Forget one reader."""
        offer = self._offers.pop((peer, reader), None)
        if offer is not None:
            self._unlist(offer)

    def suspend(self, peer: NodeId) -> None:
        """Spend none of a peer's credit for now."""
        self._suspended.add(peer)

    def resume(self, peer: NodeId) -> list[Offer]:
        """A suspended peer's credit is good again; returns it."""
        self._suspended.discard(peer)
        return [offer for offer in self._offers.values() if offer.peer == peer]

    def forget(self, peer: NodeId) -> None:
        """Forget all readers of a peer: its link started anew, or it is gone."""
        self._suspended.discard(peer)
        for key in [key for key in self._offers if key[0] == peer]:
            self._unlist(self._offers.pop(key))

    def _unlist(self, offer: Offer) -> None:
        for channel in offer.channels:
            offers = self._by_channel[channel]
            offers.remove(offer)
            if not offers:
                del self._by_channel[channel]


def _outstanding(entry: tuple[NodeId, _Line]) -> int:
    return entry[1].outstanding
