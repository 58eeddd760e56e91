"""
Heartbeats: when a node says that it lives, in which ways, and how slow it is. Pure; used by ``links.py``.

A beat is published to all peers at once. It is also pushed to each of them, so that either way between two nodes is
known to be open; with many peers, of whom each would cost as much as all others do in what is published, to a quarter
of them in turn. The kernel sees a dead connection sooner (``sockets.py``).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from zmqlayer.config import Timing
from zmqlayer.names import NodeId
from zmqlayer.timing import SLOWEST

__all__ = ["PUSHED_EVERY", "Beat", "Heartbeats", "pushes_each", "read_lag_ms", "read_pace", "to_hundredths"]

PUSHED_EVERY: Final = 4
"""How many beats it takes a node with many peers to push one to each."""


class Beat(NamedTuple):
    """
    What is to be said now.

    Attributes:
        lag_ms: How late the node's own loop was since the last beat.
        pace: How many times slower than usual the node lives.
        number: Of the beat.
    """

    lag_ms: int
    pace: float
    number: int

    def is_pushed_to(self, node_id: NodeId) -> bool:
        """Whether it is pushed to that peer too. Whose turn it is does not change when others come and go."""
        return pushes_each(self.pace) or node_id[-1] % PUSHED_EVERY == self.number % PUSHED_EVERY


class Heartbeats:
    """
    The beats of one node.

    Attributes:
        next_at: When the next one is due.
    """

    def __init__(self, timing: Timing) -> None:
        self.next_at = 0.0
        self._timing = timing
        self._lag_s = 0.0
        self._number = 0

    def was_late(self, lateness_s: float) -> None:
        """The node's own loop was late by so much: the next beat says so."""
        self._lag_s = max(self._lag_s, lateness_s)

    def due(self, peers: int, now: float) -> Beat | None:
        """Return the beat of a node with so many peers, if its time has come."""
        if now < self.next_at:
            return None
        pace = self._timing.pace(peers)
        self.next_at = now + pace * self._timing.heartbeat_s
        self._number += 1
        lag_ms, self._lag_s = int(self._lag_s * 1000), 0.0
        return Beat(lag_ms, pace, self._number)


def pushes_each(pace: float) -> bool:
    """Whether a node of that pace pushes each beat to each peer."""
    return pace <= 1


def to_hundredths(pace: float) -> int:
    """Return a pace as frames carry it."""
    return int(pace * 100)


def read_pace(payload: dict[str, Any]) -> float:
    """Return the pace that a frame says, within the bounds that a pace has; the usual one if it says none."""
    pace = payload.get("pace")
    return min(max(1.0, pace / 100), SLOWEST) if type(pace) is int else 1.0


def read_lag_ms(payload: dict[str, Any]) -> int:
    """Return by how many milliseconds the sender's loop was late, by its own account."""
    lag_ms = payload.get("lag_ms")
    return lag_ms if type(lag_ms) is int else 0
