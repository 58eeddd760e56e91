"""
The bounds of every table and buffer that no setting names: one frozen, checked object.

The settings in ``config.py`` bound what users send: ``capacity``, ``peer_messages``, ``peer_bytes``. These bound
what a node holds for others, so that a hostile member of the cluster, or a very large cluster, costs a known amount
of memory. What does not fit is refused or dropped, counted by reason, and named once in the log.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from zmqlayer.exceptions import ConfigError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How many of each thing one node holds.

    Attributes:
        candidates: Addresses to dial.
        dials: Of these, how many are dialled at once; seeds come on top.
        peers: Links, in any state.
        accounts: Nodes whose totals are remembered, those that are gone included.
        readers: Readers of one peer.
        reader_channels: Channels of one reader.
        queued_messages: Messages of this node that wait in all named channels together.
        queued_bytes: Their bytes.

    Raises:
        ConfigError: A limit is below 1, or a relation between two of them does not hold.
    """

    candidates: int = 512
    dials: int = 64
    peers: int = 1_024
    accounts: int = 4_096
    readers: int = 1_024
    reader_channels: int = 1_024
    queued_messages: int = 100_000
    queued_bytes: int = 268_435_456

    def __post_init__(self) -> None:
        for limit in fields(self):
            if getattr(self, limit.name) < 1:
                raise ConfigError(limit.name, f"{getattr(self, limit.name)!r} is below 1")
        if self.accounts < self.peers:
            raise ConfigError("accounts", f"{self.accounts:,} is below peers ({self.peers:,})")
