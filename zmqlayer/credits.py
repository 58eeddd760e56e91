"""
Credits: which reader may be handed how much work by whom. Pure arithmetic; nothing is queued or sent here.

Two books are kept:

* :class:`Reader` — at a receiver: how many messages each sender may hand over for one set of channels.
* :class:`Offers` — at a sender: the credit that readers gave, and which of them gets the next message.

Credit is a cumulative limit, as in QUIC's MAX_DATA (RFC 9000, section 4): "up to message number N on this
link". Saying it twice changes nothing, and both sides start again from zero when a link starts anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from zmqlayer.names import NodeId

__all__ = ["Offer", "Offers", "Reader"]


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
