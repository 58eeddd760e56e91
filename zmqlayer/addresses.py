"""
Addresses: what a node tells from the name of a channel and from its settings. Pure; for whoever sends.

Reply channels are used once, so this is found out once for all that one process makes of one pattern; and the channels
used last are at hand with one look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zmqlayer.bodies import body_expiry
from zmqlayer.config import Config
from zmqlayer.names import MOST_REMEMBERED, NodeId, owner_of
from zmqlayer.tallies import family_of

__all__ = ["MOST_AT_HAND", "Address", "Addresses"]

MOST_AT_HAND: Final = 16
"""Channels that are found without looking at their names."""


@dataclass(frozen=True, slots=True)
class Address:
    """
    Where messages for a channel go, and how many for how long. Channels may share it.

    Attributes:
        owner: Whom its mail goes to; None if it is queued here: it is a named one, or a ``?`` one of this node.
        family: Under what it is tallied.
        capacity: Unread messages of this node that a channel holds.
        expiry_s: Seconds after which an unread message is dropped.
        ttl_ms: The same as it stands in frames.
    """

    owner: NodeId | None
    family: str
    capacity: int
    expiry_s: float
    ttl_ms: int


class Addresses(dict[str, Address]):
    """The addresses that one node used last, by channel; any other is found out where it is asked for."""

    def __init__(self, node_id: NodeId, config: Config) -> None:
        super().__init__()
        self._node_id = node_id
        self._config = config
        self._shared: dict[str, Address] = {}

    def __missing__(self, channel: str) -> Address:
        if len(self) >= MOST_AT_HAND:
            self.clear()
        family = family_of(channel)
        address = self._shared.get(family)
        if address is None:
            address = self._find_out(channel, family)
            if self._is_shared(channel, family):
                if len(self._shared) >= MOST_REMEMBERED:
                    self._shared.clear()
                self._shared[family] = address
        self[channel] = address
        return address

    def sweep(self, now: float) -> None:
        """Forget all: what is still in use is found out again, at the price of one message."""
        self.clear()
        self._shared.clear()

    def _is_shared(self, channel: str, family: str) -> bool:
        """Whether all channels of a family have one address: the settings may tell them apart, and ``?`` has owners."""
        return family == channel or ("!" in family and not self._config.channel_capacity)

    def _find_out(self, channel: str, family: str) -> Address:
        owner, expiry_s = owner_of(channel), body_expiry(channel, self._config.expiry)
        is_here = owner == self._node_id and "?" in channel
        capacity = self._config.capacity_of(channel)
        return Address(None if is_here else owner, family, capacity, expiry_s, int(expiry_s * 1000))
