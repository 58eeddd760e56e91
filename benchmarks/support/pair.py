"""What a benchmark asks of two processes, whatever carries their messages. Used by ``raw_pair``."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, Protocol, Self

import msgpack

__all__ = ["Message", "Pair", "make_message", "percentiles"]

Message = dict[str, Any]


class Pair(Protocol):
    """This process and another one, which it starts on entry and ends on exit."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...

    def one_way(self, message: Message, number: int) -> float:
        """Send *message* *number* times; return the seconds until the other side said that it has read all."""

    def round_trips(self, message: Message, number: int) -> list[float]:
        """Send *message* and wait for its echo, *number* times; return the seconds of each."""


def make_message(size: int) -> Message:
    """Return a message, like one of a chat, that has *size* bytes as msgpack: at least 100."""
    message = {"type": "chat.message", "number": 1, "room": "lobby", "text": "x" * size}
    excess = len(msgpack.packb(message)) - size
    return {**message, "text": "x" * (size - excess)}


def percentiles(took_s: Sequence[float]) -> tuple[float, float]:
    """
    Return the median and the 99th percentile.

    Raises:
        RuntimeError: There are fewer than two: what should have been timed was lost.
    """
    if len(took_s) < 2:
        raise RuntimeError("messages were lost, so there is nothing to time")
    cuts = statistics.quantiles(took_s, n=100, method="inclusive")
    return cuts[49], cuts[98]
