"""
Reports: the numbers in TALLY and CONSUMED frames, checked. Pure; ``accounts.py`` and ``dues.py`` use it.

All that read raise :class:`ProtocolError` for what no honest peer sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from zmqlayer.exceptions import ProtocolError
from zmqlayer.frames import FRAME_SLACK
from zmqlayer.names import MAX_NAME_LENGTH

__all__ = ["in_parts", "most_channels", "read_counts", "read_gaps", "read_names", "read_total"]

ENTRY_BYTES: Final = MAX_NAME_LENGTH + 12
"""A channel and a place in a sequence, as msgpack."""
REST_BYTES: Final = 8_192
"""Whatever else a frame says."""

T = TypeVar("T")


def most_channels(max_message_size: int) -> int:
    """Return how many channels one frame may name, each with a number; see :data:`zmqlayer.frames.FRAME_SLACK`."""
    return (max_message_size + FRAME_SLACK - REST_BYTES) // ENTRY_BYTES


def in_parts(entries: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Cut *entries* into parts of *most* at most: none of nothing."""
    return (entries[start : start + most] for start in range(0, len(entries), most))


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
