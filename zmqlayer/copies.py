"""
Copies: how much memory the unread copies of group messages take at one node. Pure; used by ``queues.py`` only.

The members of a group share one body, so it is counted once, as long as any of them holds it. Nobody's window
bounds copies: the owner of the members does, by each member's capacity and by these sums.
"""

from __future__ import annotations

__all__ = ["Copies"]


class Copies:
    """
    The copies that wait in all channels of a node.

    Attributes:
        count: How many there are.
        size: Bytes of their bodies, each counted once.
        holders: How many hold each body, by its identity.
    """

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self.holders: dict[int, int] = {}

    def room(self, body: bytes, most: int, most_bytes: int) -> int:
        """Return how many copies of *body*, which nobody holds yet, keep to *most* copies and *most_bytes* bytes."""
        return max(0, most - self.count) if self.size + len(body) <= most_bytes else 0

    def add(self, body: bytes, number: int) -> None:
        """So many members more hold *body* from now on, the very object."""
        if number:
            holders = self.holders.get(id(body), 0)
            self.holders[id(body)] = holders + number
            self.count += number
            if not holders:
                self.size += len(body)

    def remove(self, body: bytes) -> None:
        """A member holds *body* no more."""
        key = id(body)
        self.count -= 1
        left = self.holders[key] = self.holders[key] - 1
        if not left:
            self.let_go(body)

    def let_go(self, body: bytes) -> None:
        """The last member that held *body* holds it no more."""
        del self.holders[id(body)]
        self.size -= len(body)
