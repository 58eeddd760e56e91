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
    """Return places in a sequence by channel; none if the key is absent."""
    counts = payload.get(key, {})
    if not isinstance(counts, dict) or not all(type(c) is str and type(n) is int for c, n in counts.items()):
        raise ProtocolError(f"{key!r} is no map of channels to sequences")
    return counts


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
