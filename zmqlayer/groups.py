"""
Group membership: which channels of this node are in which groups. Pure; time is passed in.

Membership lives at the node that owns the channel, and dies with it: no directory, no zombies. What other nodes
know is only whether this node wants a group's messages at all, as a subscription.

All memberships live equally long and all empty groups linger equally long, so both are kept in the order in which
they end: a sweep looks at what ended and at nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from zmqlayer.exceptions import LimitReached
from zmqlayer.limits import Limits

__all__ = ["Groups"]


class Groups:
    """
    The groups of one node.

    Args:
        lives_s: How long a membership lasts that is not renewed.
        linger_s: How long a group without members stays subscribed, so that a page that reloads costs nothing.

    Attributes:
        queues: Those members that are ``?`` channels, which are read like named ones.
    """

    def __init__(self, lives_s: float, linger_s: float, limits: Limits) -> None:
        self.queues: set[str] = set()
        self._lives_s = lives_s
        self._linger_s = linger_s
        self._limits = limits
        self._members: dict[str, dict[str, float]] = {}
        self._groups_of: dict[str, dict[str, None]] = {}
        self._ends: dict[tuple[str, str], float] = {}
        self._empty_since: dict[str, float] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._members))

    def __len__(self) -> int:
        """How many memberships there are."""
        return len(self._ends)

    def add(self, group: str, channel: str, now: float) -> bool:
        """
        Add a member, or renew it. Returns whether the group is new to this node.

        Raises:
            LimitReached: This node is in as many groups, or has as many members, as it may; nothing was added.
        """
        is_new = group not in self._members
        if is_new and len(self._members) >= self._limits.groups:
            raise LimitReached("groups", self._limits.groups)
        membership = (group, channel)
        if self._ends.pop(membership, None) is None and len(self._ends) >= self._limits.memberships:
            raise LimitReached("memberships", self._limits.memberships)
        self._ends[membership] = now + self._lives_s
        self._members.setdefault(group, {})[channel] = now + self._lives_s
        self._groups_of.setdefault(channel, {})[group] = None
        if "?" in channel:
            self.queues.add(channel)
        self._empty_since.pop(group, None)
        return is_new

    def discard(self, group: str, channel: str, now: float) -> None:
        """Remove a member; silent if it is none."""
        if self._ends.pop((group, channel), None) is None:
            return
        groups = self._groups_of[channel]
        del groups[group]
        if not groups:
            del self._groups_of[channel]
            self.queues.discard(channel)
        members = self._members[group]
        del members[channel]
        if not members:
            self._empty_since[group] = now

    def leave_all(self, channel: str, now: float) -> None:
        """Remove a channel that is closed from every group."""
        for group in list(self._groups_of.get(channel, ())):
            self.discard(group, channel, now)

    def members(self, group: str, now: float) -> list[str]:
        """Return the living members of *group* at this node, in the order in which they joined."""
        members = self._members.get(group, {})
        if self._ends and next(iter(self._ends.values())) > now:  # the first to end lives, so all do
            return list(members)
        return [channel for channel, ends_at in members.items() if ends_at > now]

    def clear(self, now: float) -> None:
        """Remove every member of every group."""
        for group, channel in list(self._ends):
            self.discard(group, channel, now)

    def sweep(self, now: float) -> list[str]:
        """Remove members that expired. Returns the groups that have been empty for long, forgotten by this."""
        while self._ends and self._ends[membership := next(iter(self._ends))] <= now:
            self.discard(*membership, now)
        idle: list[str] = []
        while self._empty_since and self._empty_since[group := next(iter(self._empty_since))] + self._linger_s <= now:
            del self._members[group], self._empty_since[group]
            idle.append(group)
        return idle
