"""
Group membership: which channels of this node are in which groups. Pure; time is passed in.

Membership lives at the node that owns the channel, and dies with it: no directory, no zombies. What other nodes
know is only whether this node wants a group's messages at all, as a subscription.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Groups"]


class Groups:
    """
    The groups of one node.

    Args:
        linger_s: How long a group without members stays subscribed, so that a page that reloads costs nothing.
    """

    def __init__(self, linger_s: float) -> None:
        self._linger_s = linger_s
        self._members: dict[str, dict[str, float]] = {}
        self._empty_since: dict[str, float] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._members))

    def add(self, group: str, channel: str, expires_at: float) -> bool:
        """Add a member, or renew it until *expires_at*. Returns whether the group is new to this node."""
        is_new = group not in self._members
        self._members.setdefault(group, {})[channel] = expires_at
        self._empty_since.pop(group, None)
        return is_new

    def discard(self, group: str, channel: str, now: float) -> None:
        """Remove a member; silent if it is none."""
        members = self._members.get(group)
        if members is not None and members.pop(channel, None) is not None and not members:
            self._empty_since[group] = now

    def leave_all(self, channel: str, now: float) -> None:
        """Remove a channel that is closed from every group."""
        for group in list(self._members):
            self.discard(group, channel, now)

    def members(self, group: str, now: float) -> list[str]:
        """Return the living members of *group* at this node, in the order in which they joined."""
        return [channel for channel, expires_at in self._members.get(group, {}).items() if expires_at > now]

    def clear(self, now: float) -> None:
        """Remove every member of every group."""
        for group, members in self._members.items():
            members.clear()
            self._empty_since.setdefault(group, now)

    def sweep(self, now: float) -> list[str]:
        """Remove members that expired. Returns the groups that have been empty for long, forgotten by this."""
        for group, members in self._members.items():
            for channel in [channel for channel, expires_at in members.items() if expires_at <= now]:
                self.discard(group, channel, now)
        idle = [group for group, since in self._empty_since.items() if since + self._linger_s <= now]
        for group in idle:
            del self._members[group], self._empty_since[group]
        return idle
