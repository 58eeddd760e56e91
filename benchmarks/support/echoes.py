"""How a server is measured with WebSockets that echo."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from support.lines import Line, Poll, without_collections

__all__ = ["Echoes", "echo"]

PERCENTILES: Final = 100


@dataclass(frozen=True, slots=True)
class Echoes:
    """
    What a round of echoes gave.

    Attributes:
        took_s: Of each message there and back.
        client_s: Processor time of this process.
    """

    seconds: float
    took_s: Sequence[float]
    client_s: float

    @property
    def per_second(self) -> float:
        """Messages there and back in a second."""
        return len(self.took_s) / self.seconds

    @property
    def p50_s(self) -> float:
        """Median of a message there and back."""
        return statistics.median(self.took_s)

    @property
    def p99_s(self) -> float:
        """99th percentile of the same."""
        return statistics.quantiles(self.took_s, n=PERCENTILES)[-1]


def echo(lines: Sequence[Line], seconds: float, size: int) -> Echoes:
    """Send messages of *size* bytes, at most 125, over all *lines* at once, each waiting for its echo."""
    text = b"x" * size
    took_s: list[float] = []
    begun, client_s = time.perf_counter(), time.process_time()
    end = begun + seconds
    sent_at: dict[Line, float] = {}
    with without_collections(), Poll(lines) as poll:
        for line in lines:
            sent_at[line] = time.perf_counter()
            line.send(text)
        while sent_at:
            for line in poll.some_readable():
                if not line.read():
                    continue
                now = time.perf_counter()
                took_s.append(now - sent_at.pop(line))
                if now < end:
                    sent_at[line] = now
                    line.send(text)
    return Echoes(time.perf_counter() - begun, took_s, time.process_time() - client_s)
