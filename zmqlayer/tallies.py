"""
Tallies: how much is sent to each channel, for the ``statistics`` extension of the 2016 draft. Pure.

Channels of one process, and those with one reader, are tallied together under the part of their names up to the
mark (``http.response.<node>!``), so that a million reply channels are one entry.
"""

from __future__ import annotations

import math

__all__ = ["Tallies", "Tally", "family_of"]


def family_of(channel: str) -> str:
    """
    Return the name under which *channel* is tallied.

    >>> family_of("reply.x!1"), family_of("body?1"), family_of("jobs")
    ('reply.x!', 'body?', 'jobs')
    """
    end = channel.find("!") + 1 or channel.find("?") + 1
    return channel[:end] if end else channel


class Tally:
    """
    What happened to one channel.

    Attributes:
        sent: Messages that ``send`` took.
        refused: Sends that raised ``ChannelFull``.
        sent_now, refused_now: The same as *sent* and *refused* in the second of the clock that is being counted.
        over_at: When that second is over.
    """

    __slots__ = (
        "_refused_before", "_sent_before",
        "over_at", "refused", "refused_now", "sent", "sent_now",
    )  # fmt: skip

    def __init__(self) -> None:
        self.sent = self.refused = self.sent_now = self.refused_now = 0
        self.over_at = -math.inf
        self._sent_before = self._refused_before = 0

    def rates(self, now: float) -> tuple[int, int]:
        """Return how many were sent and refused in the last full second."""
        if now >= self.over_at:
            self.turn_to(int(now))
        return self._sent_before, self._refused_before

    def turn_to(self, second: int) -> None:
        """Another second begins."""
        follows = second == self.over_at
        self._sent_before = self.sent_now if follows else 0
        self._refused_before = self.refused_now if follows else 0
        self.sent_now = self.refused_now = 0
        self.over_at = second + 1.0


class Tallies:
    """
    The tallies of one node.

    Args:
        most: Channels that are told apart. When there are more, the half that was used least lately is forgotten;
            the sums keep what they counted.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._tallies: dict[str, Tally] = {}
        self._forgotten = Tally()

    def __len__(self) -> int:
        return len(self._tallies)

    def count_sent(self, family: str, now: float) -> None:
        """One more message to a channel of *family* was taken."""
        tally = self._tallies.get(family)
        if tally is None or now >= tally.over_at:
            tally = self._at(family, now)
        tally.sent += 1
        tally.sent_now += 1

    def count_refused(self, family: str, now: float) -> None:
        """One more message to a channel of *family* was refused."""
        tally = self._at(family, now)
        tally.refused += 1
        tally.refused_now += 1

    def look_at(self, channel: str) -> Tally:
        """Return the tally of *channel*'s family; an empty one, which is not kept, if nothing was counted."""
        return self._tallies.get(family_of(channel)) or Tally()

    def sums(self, now: float) -> tuple[int, int, int, int]:
        """Return (sent, refused, sent in the last full second, refused in it) of all channels together."""
        tallies = [*self._tallies.values(), self._forgotten]
        rates = [tally.rates(now) for tally in tallies]
        return (
            sum(tally.sent for tally in tallies),
            sum(tally.refused for tally in tallies),
            sum(sent for sent, _ in rates),
            sum(refused for _, refused in rates),
        )

    def _at(self, family: str, now: float) -> Tally:
        """Return the tally of *family*, to count with in this second."""
        tally = self._tallies.get(family)
        if tally is None:
            if len(self._tallies) >= self._most:
                self._forget_half()
            tally = self._tallies[family] = Tally()
        if now >= tally.over_at:
            tally.turn_to(int(now))
        return tally

    def _forget_half(self) -> None:
        by_use = sorted(self._tallies, key=lambda family: self._tallies[family].over_at)
        for family in by_use[: (len(by_use) + 1) // 2]:
            tally = self._tallies.pop(family)
            self._forgotten.sent += tally.sent
            self._forgotten.refused += tally.refused
