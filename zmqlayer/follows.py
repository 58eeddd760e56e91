"""
Follows: who wants to hear of the end of a process channel. Pure; used by ``mesh.py``.

A channel ends with the node that owns it, or when that node says that it closed it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from zmqlayer.names import NodeId

__all__ = ["Follows"]


class Follows:
    """
    Those who follow channels, by owner and channel.

    Args:
        on_end: Called with the token of each whose channel ended; it follows no more.
    """

    def __init__(self, on_end: Callable[[Hashable], None]) -> None:
        self._on_end = on_end
        self._owners: dict[NodeId, dict[str, dict[Hashable, None]]] = {}
        self._followed: dict[Hashable, tuple[NodeId, str]] = {}

    def __len__(self) -> int:
        return len(self._followed)

    @property
    def owners(self) -> list[NodeId]:
        """The nodes whose channels are followed."""
        return list(self._owners)

    def add(self, token: Hashable, owner: NodeId, channel: str) -> None:
        """*token* follows *channel* of *owner* from now on."""
        self._owners.setdefault(owner, {}).setdefault(channel, {})[token] = None
        self._followed[token] = owner, channel

    def cancel(self, token: Hashable) -> None:
        """*token* follows no longer. May be called twice, and after the end."""
        if token not in self._followed:
            return
        owner, channel = self._followed.pop(token)
        channels = self._owners[owner]
        del channels[channel][token]
        if not channels[channel]:
            del channels[channel]
        if not channels:
            del self._owners[owner]

    def closed(self, owner: NodeId, channel: str) -> None:
        """*owner* closed a channel."""
        channels = self._owners.get(owner)
        for token in list(channels.get(channel, ())) if channels else ():
            self.cancel(token)
            self._on_end(token)

    def gone(self, owner: NodeId) -> None:
        """A node is gone, with all its channels."""
        for channel in list(self._owners.get(owner, ())):
            self.closed(owner, channel)
