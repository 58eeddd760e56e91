"""
What happened to messages, counted. The conservation law is stated over these numbers::

    accepted = delivered + expired + dropped, by reason + in flight      (summed over the mesh)

A group message counts at its members: each copy is accepted where it is delivered to.
"""

from __future__ import annotations

from collections import Counter

__all__ = ["Counters"]


class Counters:
    """
    The message counters of one node.

    Attributes:
        accepted: Messages that ``send`` took, and group copies that reached a member.
        delivered: Messages that a reader took.
        expired: Messages that died unread.
        dropped: Messages lost for another reason, by reason.
        refused: Sends that raised ``ChannelFull``.
        malformed: Frames that broke the protocol.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self.delivered = 0
        self.expired = 0
        self.refused = 0
        self.malformed = 0
        self.dropped: Counter[str] = Counter()

    def snapshot(self) -> dict[str, int]:
        """Return all counters by name; drops as ``dropped: <reason>``."""
        counts = {name: getattr(self, name) for name in ("accepted", "delivered", "expired", "refused", "malformed")}
        return counts | {f"dropped: {reason}": count for reason, count in sorted(self.dropped.items())}
