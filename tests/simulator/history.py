"""What was sent and what was read, and what must hold of that at any time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from zmqlayer.names import NodeId

__all__ = ["History", "Violation"]


class Violation(AssertionError):
    """A promise of the mesh was broken."""


class History:
    """
    Every message of one run.

    Attributes:
        sent: How many messages were sent; each bears its number.
        read: How many were read.
        digest: Changes with every event, so that two runs can be compared.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.read = 0
        self.digest = hashlib.blake2b(digest_size=8)
        self._groups: set[int] = set()
        self._seen: set[object] = set()
        self._last: dict[tuple[str, NodeId], int] = {}

    def message(self, sender: NodeId, *, is_for_group: bool = False) -> dict[str, Any]:
        """Return the next message, to be sent by *sender*."""
        self.sent += 1
        if is_for_group:
            self._groups.add(self.sent)
        return {"n": self.sent, "by": sender}

    def note(self, *event: object) -> None:
        """Make an event part of the digest."""
        self.digest.update(repr(event).encode())

    def arrived(self, channel: str, message: dict[str, Any], on_read: Callable[[int, str], None]) -> None:
        """
        A message was read.

        Raises:
            Violation: It was read before, or a later one of the same sender was.
        """
        number, sender = message["n"], message["by"]
        self.read += 1
        self.note("read", number, channel)
        key = (number, channel) if number in self._groups else number
        if key in self._seen:
            raise Violation(f"message {number} came twice, the second time on {channel}")
        self._seen.add(key)
        if "!" in channel:
            before = self._last.get((channel, sender), 0)
            if before > number:
                raise Violation(f"message {number} came after {before} of the same sender on {channel}")
            self._last[channel, sender] = number
        on_read(number, channel)
