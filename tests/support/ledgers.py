"""What the readers of a test took, as their logs say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

__all__ = ["Taken", "duplicates", "taken_from"]


class Taken(NamedTuple):
    """One message that a reader took."""

    channel: str
    sender: str
    number: int


def taken_from(*logs: Path) -> list[Taken]:
    """Return what stands in the logs, in their order; a log that nobody began is empty."""
    lines = (line.split() for log in logs if log.exists() for line in log.read_text(encoding="ascii").splitlines())
    return [Taken(channel, sender, int(number)) for channel, sender, number in lines]


def duplicates(taken: Iterable[Taken]) -> list[Taken]:
    """Return what was taken more than once."""
    return [entry for entry, count in Counter(taken).items() if count > 1]
