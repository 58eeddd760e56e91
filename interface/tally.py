"""What a server has answered, counted by class of status. Pure."""

from __future__ import annotations

__all__ = ["Tally"]


class Tally:
    """
    The responses of one server since its start; a WebSocket that was opened counts as one, with status 101.

    Attributes:
        counts: For each class of status, 1xx first, how many there were; statuses of no class count as 5xx.
    """

    def __init__(self) -> None:
        self.counts = [0, 0, 0, 0, 0]

    def __repr__(self) -> str:
        shown = ", ".join(f"{number}xx: {count:,}" for number, count in enumerate(self.counts, 1) if count)
        return f"<Tally [{shown or 'none'}]>"

    def __str__(self) -> str:
        websockets, *others = self.counts
        classes = ", ".join(f"{number}xx: {count:,}" for number, count in enumerate(others, 2) if count)
        return f"{sum(others):,} requests answered ({classes or 'none'}), {websockets:,} WebSockets opened"

    def note(self, status: int) -> None:
        """Count one response."""
        self.counts[min(status // 100, 5) - 1] += 1
