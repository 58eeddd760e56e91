"""Who a node is to others: what its HELLO says of itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from zmqlayer.names import NodeId
from zmqlayer.ports import Door

__all__ = ["Identity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """
    Who a node is: new at each start, so that it names the incarnation too.

    Attributes:
        role: What it is for, told to peers and shown to people.
        hosts: Hosts on which it listens.
        doors: Its ports for each of its secrets.
    """

    node_id: NodeId
    role: str
    hosts: tuple[str, ...]
    doors: tuple[Door, ...]

    @property
    def pull(self) -> int:
        """Port of the PULL behind the primary door."""
        return self.doors[0].pull

    @property
    def pub(self) -> int:
        """Port of the XPUB behind the primary door."""
        return self.doors[0].pub

    def door_of(self, tag: object) -> int | None:
        """Return the number of the door that *tag* belongs to, or None if it is foreign."""
        return next((number for number, door in enumerate(self.doors) if door.tag == tag), None)
