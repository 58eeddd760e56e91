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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from zmqlayer.names import NodeId

__all__ = ["Offer", "Offers", "Reader"]

ACTIVE_S: Final = 1.0


@dataclass(slots=True, eq=False)
class _Line:
    """What one sender was granted by one reader on the present link, and what arrived of it."""

    granted: int = 0
    received: int = 0
    received_at: float = -float("inf")
    is_recalled: bool = False

    @property
    def outstanding(self) -> int:
        return max(0, self.granted - self.received)


@dataclass(slots=True)
class Reader:
    """
    Receivers of this node that wait for the same set of channels, and the credit they gave to senders.

    The window is what the receivers could take at once: those waiting, plus *prefetch*. Each sender is granted at
    least one message of it, so that no sender needs to ask first, and those that sent something within the last second
    an equal share of the rest; all do where none did.

    Attributes:
        number: Names the reader in frames.
        channels: Names, sorted.
        maker: The one node that may have messages for them; None if any may.
        waiting: Receivers waiting now.
        prefetch: Messages that may lie unread here although nobody waits.
        unread: Messages that arrived and were not taken.
        taken: Messages that were taken since credit was last thought about.
        used_at: Monotonic seconds of the last call that wanted a message.
        attended_until: Until then somebody is about to look, because he was woken or took a message just now.
        is_busy: Whether what it held was given back because all receivers were busy; until one of them looks again.
        polled_until: Until then a receiver that looks without waiting counts as waiting.
    """

    number: int
    channels: tuple[str, ...]
    prefetch: int
    used_at: float
    waiting: int = 0
    unread: int = 0
    taken: int = 0
    attended_until: float = -float("inf")
    is_busy: bool = False
    polled_until: float = 0.0
    maker: NodeId | None = None
    lines: dict[NodeId, _Line] = field(default_factory=dict)

    def grant(self, senders: Iterable[NodeId], now: float) -> list[tuple[NodeId, int, bool]]:
        """
        Return the new limits that the present window allows to *senders*.

        Returns:
            (sender, limit, whether it is the first on this link). With a window of many messages, credit is
            renewed when half of a sender's share is spent, not with each message. A limit below the last one
            asks a sender that holds more than its share to cede the rest, because another has spent its own.
        """
        free = self.free(now)
        if free <= 0:
            return []
        lines = {sender: self._line(sender) for sender in senders}
        if free <= len(lines):  # as it always is without prefetch: one message for each
            spent = [(sender, line) for sender, line in lines.items() if line.granted <= line.received]
            return [self._renew(sender, line, 1) for sender, line in spent if not line.is_recalled]
        if not lines:
            return []
        outstanding = [line.outstanding for line in lines.values()]
        spare = free - sum(outstanding)
        if min(outstanding) and spare < max(1, free // len(lines) // 2):
            return []  # each has credit, and what is spare is no half of any share: so it is nearly always
        active = [line for line in lines.values() if now - line.received_at < ACTIVE_S] or list(lines.values())
        most = max(1, -(-(free - len(lines) + len(active)) // len(active)))
        shares = {sender: most if line in active else 1 for sender, line in lines.items()}
        grants = []
        for sender, line in sorted(lines.items(), key=_outstanding):
            share = shares[sender]
            more = min(share - line.outstanding, max(spare, 1 - line.outstanding))
            if more > 0 and not line.is_recalled and (line.outstanding == 0 or more >= share // 2):
                spare -= more
                grants.append(self._renew(sender, line, more))
                if more < share and spare <= 0:
                    grants.extend(self._recall(lines, shares))
        return grants

    def ceded(self, sender: NodeId, limit: int) -> None:
        """A sender gave back what it held above *limit*."""
        line = self.lines.get(sender)
        if line is not None and line.is_recalled:
            line.is_recalled = False
            line.granted = min(line.granted, max(limit, line.received))

    @staticmethod
    def _renew(sender: NodeId, line: _Line, more: int) -> tuple[NodeId, int, bool]:
        """Allow *more* messages than are on their way, and return what the sender is told."""
        is_first = line.granted == 0
        line.granted = max(line.granted, line.received) + more
        return sender, line.granted, is_first

    @staticmethod
    def _recall(lines: dict[NodeId, _Line], shares: dict[NodeId, int]) -> Iterator[tuple[NodeId, int, bool]]:
        for sender, line in lines.items():
            if line.outstanding > shares[sender] and not line.is_recalled:
                line.is_recalled = True
                yield sender, line.received + shares[sender], False

    def grant_own(self, own: NodeId, now: float) -> int | None:
        """
        Return the new limit for the reader's own node, or None if it stays.

        What a node queued for itself is handed over at once, so it needs no share of the window in store: one
        message at a time is as good.
        """
        line = self._line(own)
        if line.outstanding or self.free(now) <= 0:
            return None
        line.granted = line.received + 1
        return line.granted

    def recall_all(self) -> Iterator[tuple[NodeId, int]]:
        """Ask back all credit that is out, and yield (sender, limit): only what has arrived is left."""
        for sender, line in self.lines.items():
            if line.outstanding:
                line.is_recalled = True
                yield sender, line.received

    def free(self, now: float) -> int:
        """Return how many messages more there is room for."""
        if self.is_busy:
            return 0
        return max(self.waiting, int(now < self.polled_until)) + self.prefetch - self.unread

    def received(self, sender: NodeId, now: float, number: int = 1) -> None:
        """Count *number* messages of *sender* against its credit."""
        line = self._line(sender)
        line.received += number
        line.received_at = now

    def owes(self, sender: NodeId) -> bool:
        """Whether a sender has credit left for one more message."""
        line = self.lines.get(sender)
        return line is not None and line.outstanding > 0

    def forget(self, sender: NodeId) -> None:
        """Start from zero with a sender whose link started anew, or is gone."""
        self.lines.pop(sender, None)

    def _line(self, sender: NodeId) -> _Line:
        line = self.lines.get(sender)
        if line is None:
            line = self.lines[sender] = _Line()
        return line


@dataclass(slots=True)
class Offer:
    """The credit that one reader of one peer gave to this node."""

    peer: NodeId
    reader: int
    channels: tuple[str, ...]
    limit: int = 0
    sent: int = 0


class Offers:
    """
    All credit this node holds, found by channel. The least loaded readers that have credit take turns.

    Args:
        start: Any number; senders with different ones begin with different readers.
        load: Returns how much of the work that a node was handed it has not started.
    """

    def __init__(self, start: int, load: Callable[[NodeId], int]) -> None:
        self._start = start
        self._load = load
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
                offers = self._by_channel.setdefault(channel, deque())
                offers.insert(self._start % (len(offers) + 1), offer)
        offer.limit = max(offer.sent, limit)
        return offer

    def next(self, channel: str) -> Offer | None:
        """Return the least loaded offer that has credit for *channel* left, of equal ones the next in turn, or None."""
        offers = self._by_channel.get(channel)
        if offers is None:
            return None
        free = [offer for offer in offers if offer.limit > offer.sent and offer.peer not in self._suspended]
        if not free:
            return None
        best = free[0] if len(free) == 1 else min(free, key=lambda offer: self._load(offer.peer))
        if len(offers) > 1:
            offers.remove(best)
            offers.append(best)
        return best

    def has(self, channel: str) -> bool:
        """Whether anybody gave credit for *channel*, and did not take it back."""
        return channel in self._by_channel

    def count(self, peer: NodeId) -> int:
        """Return how many readers of a peer gave credit."""
        return sum(offer.peer == peer for offer in self._offers.values())

    def find(self, peer: NodeId, reader: int) -> Offer | None:
        """Return one reader's offer, or None if it was withdrawn."""
        return self._offers.get((peer, reader))

    def withdraw(self, peer: NodeId, reader: int) -> tuple[str, ...]:
        """Forget one reader, and return the channels it read."""
        offer = self._offers.pop((peer, reader), None)
        if offer is None:
            return ()
        self._unlist(offer)
        return offer.channels

    def suspend(self, peer: NodeId) -> None:
        """Spend none of a peer's credit for now."""
        self._suspended.add(peer)

    def resume(self, peer: NodeId) -> list[Offer]:
        """A suspended peer's credit is good again; returns it."""
        self._suspended.discard(peer)
        return [offer for offer in self._offers.values() if offer.peer == peer]

    def forget(self, peer: NodeId) -> list[str]:
        """Forget all readers of a peer, and return the channels they read: its link started anew, or it is gone."""
        self._suspended.discard(peer)
        readers = [reader for owner, reader in self._offers if owner == peer]
        return [channel for reader in readers for channel in self.withdraw(peer, reader)]

    def _unlist(self, offer: Offer) -> None:
        for channel in offer.channels:
            offers = self._by_channel[channel]
            offers.remove(offer)
            if not offers:
                del self._by_channel[channel]


def _outstanding(entry: tuple[NodeId, _Line]) -> int:
    return entry[1].outstanding
