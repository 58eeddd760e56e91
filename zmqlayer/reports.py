"""
Reports: the numbers in TALLY and CONSUMED frames, checked. Pure; ``accounts.py`` uses it.

All raise :class:`ProtocolError` for what no honest peer sends.
"""

from __future__ import annotations

from typing import Any

from zmqlayer.exceptions import ProtocolError

__all__ = ["read_counts", "read_gaps", "read_names", "read_total"]


def read_total(payload: dict[str, Any], key: str) -> int:
    """Return a number of messages, or a place in a sequence."""
    total = payload.get(key)
    if type(total) is not int or not 0 <= total < 2**63:
        raise ProtocolError(f"{key!r} is {total!r}, not a number of messages")
    return total


def read_counts(payload: dict[str, Any], key: str) -> dict[str, int]:
    """
    Return places in a sequence by channel; none if the key is absent.

    They come as pairs: msgpack interns the keys of a map, and each name of a reply channel is new to the interpreter.
    """
    counts = payload.get(key, [])
    if not isinstance(counts, list) or not all(
        isinstance(count, list) and len(count) == 2 and type(count[0]) is str and type(count[1]) is int
        for count in counts
    ):
        raise ProtocolError(f"{key!r} is no list of channels and sequences")
    return {channel: number for channel, number in counts}


def read_names(payload: dict[str, Any], key: str) -> list[str]:
    """Return a list of names; none if the key is absent."""
    names = payload.get(key, [])
    if not isinstance(names, list) or not all(type(name) is str for name in names):
        raise ProtocolError(f"{key!r} is no list of names")
    return names


def read_gaps(payload: dict[str, Any], key: str) -> list[tuple[int, int]]:
    """Return the gaps in a sequence, as (first, last) each; none if the key is absent."""
    gaps = payload.get(key, [])
    if not isinstance(gaps, list) or not all(
        isinstance(gap, list) and len(gap) == 2 and all(type(n) is int for n in gap) for gap in gaps
    ):
        raise ProtocolError(f"{key!r} is no list of pairs")
    return [(first, last) for first, last in gaps]
