"""
Dues: what this node has to tell its peers about their messages. Sans-I/O; used by ``accounts.py``.

Reports wait a moment for one another, so that a reply channel that gets three messages costs no extra frame worth
mentioning. Only of a channel that was read for half its capacity its sender hears at once: it may wait for room.
"""

from __future__ import annotations

from typing import Final

from zmqlayer.config import Config
from zmqlayer.frames import Kind
from zmqlayer.ledger import Ledger
from zmqlayer.names import NodeId
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peers
from zmqlayer.reports import in_parts, most_channels

__all__ = ["Dues"]

_NEVER: Final = float("inf")


class _Progress:
    """How far a channel was read since the last report: up to which message, and how many more until the next one."""

    __slots__ = ("left", "upto")

    def __init__(self, capacity: int) -> None:
        self.upto = 0
        self.left = (capacity + 1) // 2


class Dues:
    """
    The reports that one node owes others.

    Args:
        peers: Who is there to be told; a report for anybody else is dropped, and made anew when its link begins.
        ledger: How much of each peer's messages arrived, and what is missing.
    """

    def __init__(self, config: Config, outbox: Outbox, peers: Peers, ledger: Ledger) -> None:
        self._config = config
        self._outbox = outbox
        self._peers = peers
        self._ledger = ledger
        self._most_channels = most_channels(config.max_message_size)
        self._read: dict[NodeId, dict[str, _Progress]] = {}
        self._closed: dict[NodeId, dict[str, None]] = {}
        self._owing: set[NodeId] = set()
        self._report_at = _NEVER

    def read(self, node_id: NodeId, channel: str, sequence: int, now: float) -> None:
        """A message of a peer to a process channel here was read."""
        read = self._read.get(node_id)
        if read is None:
            read = self._read[node_id] = {}
        progress = read.get(channel)
        if progress is None:
            progress = read[channel] = _Progress(self._config.capacity_of(channel))
        if sequence > progress.upto:
            progress.upto = sequence
        progress.left -= 1
        if progress.left <= 0:
            del read[channel]
            self._outbox.tell(node_id, Kind.CONSUMED, {"read": [(channel, progress.upto)]})
        elif self._report_at == _NEVER:
            self._report_soon(now)

    def closed(self, node_id: NodeId, channel: str, now: float) -> None:
        """A message of a peer was dropped because its channel is closed."""
        self._closed.setdefault(node_id, {})[channel] = None
        self.owe(node_id, now)

    def owe(self, node_id: NodeId, now: float) -> None:
        """Something else about a peer's messages has changed that stands in its account."""
        self._owing.add(node_id)
        self._report_soon(now)

    def forget(self, node_id: NodeId) -> None:
        """A peer is gone."""
        self._read.pop(node_id, None)
        self._closed.pop(node_id, None)
        self._owing.discard(node_id)

    def tick(self, now: float) -> None:
        """Send the reports whose time has come."""
        if now < self._report_at:
            return
        self._report_at = _NEVER
        read, self._read = self._read, {}
        owing, self._owing = self._owing | read.keys(), set()
        for node_id in sorted(owing):
            if self._peers.get(node_id) is not None:
                self._report(node_id, {channel: progress.upto for channel, progress in read.get(node_id, {}).items()})

    def next_at(self) -> float:
        """Return when :meth:`tick` has something to do."""
        return self._report_at

    # Inside

    def _report(self, node_id: NodeId, read: dict[str, int]) -> None:
        account = self._ledger.of(node_id)
        payload: dict[str, object] = {
            "done": account.finished,
            "seen": account.mail.seen,
            "missed": [account.mail.missed, account.work.missed],
        }
        account.keep_work_gaps()
        if account.work_gaps:
            payload["work_gaps"] = account.work_gaps
        if gaps := account.mail.take_gaps():
            payload["gaps"] = gaps
        for part in in_parts(list(read.items()), self._most_channels):
            self._outbox.tell(node_id, Kind.CONSUMED, {**payload, "read": part})
            payload = {}
        if payload:
            self._outbox.tell(node_id, Kind.CONSUMED, payload)
        for names in in_parts(list(self._closed.pop(node_id, ())), self._most_channels):
            self._outbox.tell(node_id, Kind.CONSUMED, {"closed": names})

    def _report_soon(self, now: float) -> None:
        if self._report_at == _NEVER:
            self._report_at = now + self._config.timing.settle_every_s
            self._outbox.call_by(self._report_at)
