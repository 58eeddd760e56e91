"""Which channels a worker reads, by globs. Knows no Django: both kinds of workers ask here."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

__all__ = ["choose_channels"]


def choose_channels(channels: Iterable[str], only: Iterable[str] = (), exclude: Iterable[str] = ()) -> list[str]:
    """
    Return those *channels* that some glob of *only* matches (if there is one) and none of *exclude*.

    >>> choose_channels({"http.request", "websocket.connect"}, only=["http.*"])
    ['http.request']
    """
    only, exclude = list(only), list(exclude)
    return sorted(
        channel
        for channel in channels
        if (not only or any(fnmatchcase(channel, glob) for glob in only))
        and not any(fnmatchcase(channel, glob) for glob in exclude)
    )
