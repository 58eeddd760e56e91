"""Bare pyzmq: PUSH and PULL with msgpack in either process, blocking. No layer can be faster on the same carrier."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from support.pair import Message
from support.raw_pair import RawPair

__all__ = ["RAW", "RawRun", "raw_run"]

RAW: Final = "raw pyzmq"
BYTES_AT_ONCE: Final = 8 << 20
TRIPS_AT_ONCE: Final = 200


class RawRun:
    """Rounds that last as long as is asked for, on one pair of processes."""

    def __init__(self, pair: RawPair) -> None:
        self._pair = pair

    def one_way(self, message: Message, size: int, seconds: float) -> float:
        """Send for about *seconds*, in parts that fit into memory; return messages/s. *size* is the message's."""
        number, sent, took = max(BYTES_AT_ONCE // size, 1), 0, 0.0
        while took < seconds:
            took += self._pair.one_way(message, number)
            sent += number
        return sent / took

    def round_trips(self, message: Message, seconds: float) -> list[float]:
        """Make round trips for about *seconds*; return the seconds of each."""
        took: list[float] = []
        while sum(took) < seconds:
            took += self._pair.round_trips(message, TRIPS_AT_ONCE)
        return took


@contextmanager
def raw_run() -> Iterator[RawRun]:
    """Start both ends, and end them on exit."""
    with RawPair() as pair:
        yield RawRun(pair)
