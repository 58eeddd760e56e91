"""The protocol's own times: one frozen, checked object, a part of ``Config``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zmqlayer.exceptions import ConfigError

__all__ = ["SLOWEST", "Timing"]

SLOWEST: Final = 10.0
"""Times slower than usual that a node may live, with however many peers."""


@dataclass(frozen=True, slots=True)
class Timing:
    """
    The protocol's own times, in seconds. Change them together or not at all.

    Attributes:
        heartbeat_s: From one heartbeat to the next; more with many peers, see :meth:`pace`.
        beats_per_s: Heartbeats that a node may get in a second; with more peers each of them sends fewer.
        linger_s: How long a node that closes waits for others to take what is queued. 0 means that nobody is expected
            to, and that nothing is said of what is lost.

    Raises:
        ConfigError: A relation between two of them does not hold.
    """

    heartbeat_s: float = 1.0
    beats_per_s: int = 20
    silent_after_s: float = 3.0
    gone_after_s: float = 8.0
    dial_timeout_s: float = 2.0
    cut_timeout_s: float = 0.5
    probe_every_s: float = 0.05
    redial_first_s: float = 0.1
    redial_lost_s: float = 1.0
    redial_most_s: float = 5.0
    patience_most_s: float = 20.0
    group_add_timeout_s: float = 0.5
    join_timeout_s: float = 1.5
    settle_every_s: float = 0.05
    linger_s: float = 2.0
    unsubscribe_after_s: float = 10.0

    def __post_init__(self) -> None:
        if self.silent_after_s < 2 * self.heartbeat_s:
            raise ConfigError("silent_after_s", f"must be at least two heartbeats ({2 * self.heartbeat_s:g} s)")
        if self.gone_after_s <= self.silent_after_s:
            raise ConfigError("gone_after_s", f"must exceed silent_after_s ({self.silent_after_s:g} s)")
        if self.patience_most_s < self.dial_timeout_s:
            raise ConfigError("patience_most_s", f"must not be below dial_timeout_s ({self.dial_timeout_s:g} s)")

    def pace(self, peers: int) -> float:
        """
        Return how many times slower than usual a node with so many peers lives.

        What a mesh costs would otherwise grow with the square of its nodes.
        """
        return min(max(1.0, peers / self.beats_per_s), SLOWEST)
