"""Where and when the network did nothing to the nodes: promises about links hold only there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

__all__ = ["Calm", "pair_of"]


def pair_of(a: str, b: str) -> tuple[str, str]:
    """Return the name of the pair of hosts *a* and *b*."""
    return (a, b) if a < b else (b, a)


class Calm:
    """Troubles that last, by what they concern: a host, or a pair of them."""

    def __init__(self) -> None:
        self._troubles: Counter[Hashable] = Counter()
        self._since: dict[Hashable, float] = {}

    def begin(self, keys: Iterable[Hashable]) -> None:
        """A trouble begins."""
        self._troubles.update(keys)

    def end(self, keys: Iterable[Hashable], now: float) -> None:
        """A trouble, and what followed from it, is over."""
        for key in keys:
            self._troubles[key] -= 1
            self._since[key] = now

    def is_calm(self, a: str, b: str, since: float = float("inf")) -> bool:
        """Whether there is no trouble between two hosts, nor was after *since*."""
        return all(not self._troubles[key] and self._since.get(key, 0.0) < since for key in (a, b, pair_of(a, b)))
