"""
What is to be written to a slow client, cut into pieces. Pure.

A transport tells when it has got rid of everything it was given, and of nothing before. Given a piece at a time, it
tells of every piece: so a client that is slow can be told from one that takes nothing at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

__all__ = ["PIECE_SIZE", "Backlog"]

PIECE_SIZE: Final = 65_536


class Backlog:
    """Bytes in the order in which they are written. Their number is bounded by who is told that the client is slow."""

    __slots__ = ("_offset", "_parts")

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()
        self._offset = 0  # into the first part

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, parts: Iterable[bytes]) -> None:
        """Put *parts* behind what is there."""
        self._parts.extend(part for part in parts if part)

    def take(self) -> bytes:
        """Remove and return the next piece; of :data:`PIECE_SIZE`, if there is as much."""
        taken: list[bytes] = []
        room = PIECE_SIZE
        while self._parts and room:
            part = self._parts[0][self._offset : self._offset + room]
            taken.append(part)
            room -= len(part)
            self._offset += len(part)
            if self._offset == len(self._parts[0]):
                self._parts.popleft()
                self._offset = 0
        return b"".join(taken)
