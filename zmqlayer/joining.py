"""
Joining: when a node that has just started knows its mesh. Pure; time is passed in.

It has joined once discovery has named everything that existed at start, and each of that is linked or did not
answer; or when its patience ends. Only then does it take a node that it does not know for one that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Joining"]


class Joining:
    """
    The first moments of one node.

    Attributes:
        is_over: Whether the node has joined.
        is_settled: Whether discovery has named everything that existed at start.
        give_up_at: Monotonic seconds at which the node counts as joined in any case.
    """

    def __init__(self) -> None:
        self.is_over = False
        self.is_settled = False
        self.give_up_at = 0.0

    def next_at(self) -> float:
        """Return when :meth:`ends` is to be asked again, at the latest."""
        return float("inf") if self.is_over else self.give_up_at

    def ends(self, is_linking: Callable[[], bool], now: float) -> bool:
        """
        Return True once: when the node has joined.

        Args:
            is_linking: Returns whether a link may still come up from what was named; asked only where that decides.
        """
        if self.is_over:
            return False
        self.is_over = now >= self.give_up_at or (self.is_settled and not is_linking())
        return self.is_over
