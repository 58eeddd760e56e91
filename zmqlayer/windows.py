"""
Windows: how much of what a node sent to process channels elsewhere is not consumed yet. Pure; ``accounts.py`` uses it.

A window is the exact backpressure of a process channel: its sender raises ``ChannelFull`` by what it knows itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from zmqlayer.exceptions import ChannelFull
from zmqlayer.names import NodeId

__all__ = ["Windows"]


_Sent = tuple[int, float, int]
"""One message that a channel of a peer has not consumed: its sequence, its deadline, its bytes."""


class _PeerWindows:
    """All windows towards one peer, by channel, and their sums."""

    __slots__ = ("channels", "size", "unread")

    def __init__(self) -> None:
        self.channels: dict[str, deque[_Sent]] = {}
        self.unread = 0
        self.size = 0


class Windows:
    """
    What was sent to process channels and not consumed yet, per peer and channel.

    Reports of consumption name the sequence of the last message read, not a number of messages: saying it twice
    changes nothing, and the next report makes up for one that was lost.

    Args:
        peer_messages: Most messages outstanding to one peer.
        peer_bytes: Most bytes outstanding to one peer.
    """

    def __init__(self, peer_messages: int, peer_bytes: int) -> None:
        self._peer_messages = peer_messages
        self._peer_bytes = peer_bytes
        self._peers: dict[NodeId, _PeerWindows] = {}

    def __len__(self) -> int:
        return len(self._peers)

    def admit(self, peer: NodeId, channel: str, sent: tuple[int, float, int], capacity: int, now: float) -> None:
        """
        Count one message to *channel* of *peer*.

        Args:
            sent: Its sequence, its deadline in monotonic seconds, its bytes.

        Raises:
            ChannelFull: *capacity* messages to the channel are unread, or the peer's limit is reached.
        """
        books = self._peers.get(peer)
        if books is None:
            books = self._peers[peer] = _PeerWindows()
        window = books.channels.get(channel)
        if window is None:
            window = books.channels[channel] = deque()
        elif len(window) >= capacity:
            self._expire_window(books, channel, now)
            if len(window) >= capacity:
                raise ChannelFull(channel, capacity)
        size = sent[2]
        if books.unread >= self._peer_messages or books.size + size > self._peer_bytes:
            self._check_peer(books, channel, size, now)
        window.append(sent)
        books.unread += 1
        books.size += size

    def blocked_by(self, peer: NodeId, channel: str, capacity: int, size: int, now: float) -> str | NodeId | None:
        """Return which of *channel* and *peer* has no room for one more message of *size* bytes; None if both have."""
        books = self._peers.get(peer)
        if books is None:
            return None
        if len(books.channels.get(channel, ())) >= capacity:
            self._expire_window(books, channel, now)
            if len(books.channels[channel]) >= capacity:
                return channel
        if not self._has_room(books, size):
            self._expire_peer(books, now)
        return None if self._has_room(books, size) else peer

    def settle(self, peer: NodeId, read: Mapping[str, int]) -> None:
        """
        A peer is done with messages of ours: read, expired or dropped.

        Args:
            read: Channels of the peer, each with the sequence of the last one that it is done with.
        """
        books = self._peers.get(peer)
        if books is None:
            return
        channels = books.channels
        for channel, upto in read.items():
            window = channels.get(channel)
            if window is None:
                continue
            while window and window[0][0] <= upto:
                books.unread -= 1
                books.size -= window.popleft()[2]
            if not window:
                del channels[channel]
        if not channels:
            del self._peers[peer]

    def settle_gap(self, peer: NodeId, first: int, last: int) -> None:
        """Messages *first* to *last* never reached the peer: they occupy nothing there."""
        self._keep(peer, lambda channel, sequence: not first <= sequence <= last)

    def restate(self, peer: NodeId, seen: int, held: dict[str, int]) -> None:
        """
        The peer says after a cut what it holds of ours.

        Args:
            seen: Sequence of the last message that it has seen.
            held: Channels with unread messages, each with the sequence of the oldest.
        """
        never = seen + 1
        self._keep(peer, lambda channel, sequence: sequence > seen or sequence >= held.get(channel, never))

    def forget(self, peer: NodeId) -> int:
        """Forget a peer that is gone, and return how many messages were outstanding to it."""
        books = self._peers.pop(peer, None)
        return books.unread if books else 0

    def outstanding(self, peer: NodeId) -> int:
        """Return how many messages are outstanding to *peer*."""
        books = self._peers.get(peer)
        return books.unread if books else 0

    def are_empty(self, prefix: str) -> bool:
        """Whether all that was sent to channels whose names begin with *prefix* is consumed."""
        names = (name for books in self._peers.values() for name in books.channels)
        return not any(name.startswith(prefix) for name in names)

    def expire(self, now: float) -> None:
        """Stop counting messages that must have expired where they are."""
        for peer, books in list(self._peers.items()):
            for channel in list(books.channels):
                self._expire_window(books, channel, now)
                self._tidy(peer, books, channel)

    def _has_room(self, books: _PeerWindows, size: int) -> bool:
        return books.unread < self._peer_messages and books.size + size <= self._peer_bytes

    def _check_peer(self, books: _PeerWindows, channel: str, size: int, now: float) -> None:
        self._expire_peer(books, now)
        if books.unread >= self._peer_messages:
            raise ChannelFull(channel, self._peer_messages, "peer messages")
        if books.size + size > self._peer_bytes:
            raise ChannelFull(channel, self._peer_bytes, "peer bytes")

    def _keep(self, peer: NodeId, is_kept: Callable[[str, int], bool]) -> None:
        books = self._peers.get(peer)
        if books is None:
            return
        for channel, window in list(books.channels.items()):
            kept = [sent for sent in window if is_kept(channel, sent[0])]
            books.unread -= len(window) - len(kept)
            books.size -= sum(sent[2] for sent in window) - sum(sent[2] for sent in kept)
            books.channels[channel] = deque(kept)
            self._tidy(peer, books, channel)

    def _expire_peer(self, books: _PeerWindows, now: float) -> None:
        for channel in list(books.channels):
            self._expire_window(books, channel, now)

    def _expire_window(self, books: _PeerWindows, channel: str, now: float) -> None:
        window = books.channels[channel]
        while window and window[0][1] <= now:
            books.unread -= 1
            books.size -= window.popleft()[2]

    def _tidy(self, peer: NodeId, books: _PeerWindows, channel: str) -> None:
        if not books.channels[channel]:
            del books.channels[channel]
            if not books.channels:
                del self._peers[peer]
