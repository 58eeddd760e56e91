"""Watching something that changes by itself, like the interfaces of a machine. Used on background threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["EVERY_S", "watch"]

T = TypeVar("T")

EVERY_S: Final = 10.0
STEADY_S: Final = 3.0
MOST_LOOKS: Final = 5


def watch(
    stopping: threading.Event, read: Callable[[], T], changed: Callable[[T], None], every_s: float = EVERY_S
) -> None:
    """
    Call *changed* with each new value of *read*, until *stopping* is set.

    A network comes up in steps. So a value counts when it has stayed the same for three tenths of the time
    between two looks; one that never stays counts after five looks.

    Args:
        every_s: Seconds between two looks.
    """
    known = read()
    while not stopping.wait(every_s):
        seen = read()
        for _ in range(MOST_LOOKS if seen != known else 0):
            if stopping.wait(every_s * STEADY_S / EVERY_S):
                return
            before, seen = seen, read()
            if before == seen:
                break
        if seen != known:
            known = seen
            changed(seen)
