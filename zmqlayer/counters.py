"""
What happened to messages, counted. At each node, at any time::

    accepted + arrived = delivered + expired + dropped, by reason + handed over + in flight

Over a mesh at rest, what all nodes handed over is what all nodes saw arrive: a message that is lost on the way is
taken back from ``handed_over`` and counted as dropped by its sender, as soon as the receiver reports the gap
(``accounts.py``). A group message counts at its members: each copy is accepted where it is delivered to.

Every drop is counted by reason and by peer, and named in the log: at once, and then once a minute per reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from zmqlayer.journal import Journal
from zmqlayer.names import NodeId, short

__all__ = ["CLOSED", "WITHDRAWN", "Counters", "Drop"]

LOG_EVERY_S: Final = 60.0
CLOSED: Final = "channel closed"
WITHDRAWN: Final = "withdrawn"
EVERYDAY: Final = frozenset({CLOSED, WITHDRAWN})
"""What happens whenever a browser leaves: counted, and no warning."""


@dataclass(frozen=True, slots=True)
class Drop:
    """
    Messages that were lost, for one reason.

    Attributes:
        reason: A few words; statistics show them as ``dropped: <reason>``.
        channel: Where they were going, or empty if that is not known.
        peer: Who sent them, or was to get them, if it was a peer.
        cure: What would have avoided it, for the log.
    """

    reason: str
    channel: str = ""
    peer: NodeId | None = None
    cure: str = ""


@dataclass(slots=True)
class _Unlogged:
    count: int
    last: Drop
    log_at: float


class Counters:
    """
    The message counters of one node.

    Attributes:
        accepted: Messages that ``send`` took, and group copies that were for a member here.
        arrived: Messages that peers handed over to this node.
        delivered: Messages that a reader took.
        expired: Messages that died unread.
        handed_over: Messages that went to a peer, less those that are known to be lost.
        dropped: Messages lost for another reason, by reason.
        dropped_by_peer: The same by (peer, reason), for those where a peer had a part.
        refused: Sends that raised ``ChannelFull``.
        malformed: Frames that broke the protocol.
        unreachable: Group requests for channels of a node that is not linked.
        ignored: Message frames that came late, twice, or to the wrong process; their senders count them as lost.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.accepted = 0
        self.arrived = 0
        self.delivered = 0
        self.expired = 0
        self.handed_over = 0
        self.refused = 0
        self.malformed = 0
        self.unreachable = 0
        self.ignored = 0
        self.dropped: Counter[str] = Counter()
        self.dropped_by_peer: Counter[tuple[NodeId, str]] = Counter()
        self._unlogged: dict[str, _Unlogged] = {}

    def drop(self, drop: Drop, now: float, count: int = 1) -> None:
        """Count *count* messages as dropped, and name them in the log, unless that was done within a minute."""
        if count < 1:
            return
        self.dropped[drop.reason] += count
        if drop.peer is not None:
            self.dropped_by_peer[drop.peer, drop.reason] += count
        unlogged = self._unlogged.get(drop.reason)
        if unlogged is None:
            self._unlogged[drop.reason] = _Unlogged(0, drop, now + LOG_EVERY_S)
            self._say(drop, count)
        else:
            unlogged.count += count
            unlogged.last = drop

    def restore(self, reason: str, peer: NodeId, count: int) -> None:
        """Take back that *count* messages for *peer* were lost: it has them after all."""
        self.dropped[reason] -= count
        self.dropped_by_peer[peer, reason] -= count

    def sweep(self, now: float) -> None:
        """Name in the log what was dropped since a reason was last named."""
        for reason, unlogged in list(self._unlogged.items()):
            if unlogged.log_at > now:
                continue
            if unlogged.count:
                self._say(unlogged.last, unlogged.count)
                unlogged.count, unlogged.log_at = 0, now + LOG_EVERY_S
            else:
                del self._unlogged[reason]

    def forget(self, peer: NodeId) -> None:
        """A peer will not come back: its drops stay in the sums only."""
        for key in [key for key in self.dropped_by_peer if key[0] == peer]:
            del self.dropped_by_peer[key]

    def drops(self) -> dict[tuple[NodeId, str], int]:
        """Return how many messages were dropped, by the peer that had a part in it and the reason."""
        return {key: count for key, count in self.dropped_by_peer.items() if count}

    def snapshot(self) -> dict[str, int]:
        """Return all counters by name; drops as ``dropped: <reason>``."""
        names = (
            "accepted", "arrived", "delivered", "expired", "handed_over",
            "refused", "malformed", "unreachable", "ignored",
        )  # fmt: skip
        counts = {name: int(getattr(self, name)) for name in names}
        return counts | {f"dropped: {reason}": count for reason, count in sorted(self.dropped.items()) if count}

    def _say(self, drop: Drop, count: int) -> None:
        where = f" for {drop.channel!r}" if drop.channel else ""
        whose = f" (peer {short(drop.peer)})" if drop.peer is not None else ""
        cure = f"; {drop.cure}" if drop.cure else ""
        say = self._journal.debug if drop.reason in EVERYDAY else self._journal.warning
        say("dropped %d message%s%s%s: %s%s", count, "s" * (count != 1), where, whose, drop.reason, cure)
