"""
What a client may do now and then, but not all the time: what is cheap for it and costs us. Pure; time is passed in.

A bucket of tokens: it starts full, fills again with time and with what the client does that is of use, and is empty for
a client that does nothing else.
"""

from __future__ import annotations

__all__ = ["Allowance"]


class Allowance:
    """
    How much one client may still do.

    Args:
        most: Of it at once; the allowance starts with that.
        per_s: Regained each second.
        now: Seconds, on a clock that goes forward.
    """

    def __init__(self, most: float, per_s: float, now: float) -> None:
        self._most = most
        self._per_s = per_s
        self._left = most
        self._counted_at = now

    def __repr__(self) -> str:
        return f"<Allowance [{self._left:.1f} of {self._most:g} left]>"

    def earn(self, amount: float = 1.0) -> None:
        """Regain some: the client did something of use."""
        self._left = min(self._most, self._left + amount)

    def spend(self, now: float) -> bool:
        """Take one; returns whether it was there."""
        self.earn((now - self._counted_at) * self._per_s)
        self._counted_at = now
        self._left -= 1
        return self._left >= 0
