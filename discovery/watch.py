"""Watching something that changes by itself, like the interfaces of a machine. Used on background threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["EVERY_S", "watch"]

logger = logging.getLogger("zmqlayer.discovery")

T = TypeVar("T")

EVERY_S: Final = 10.0
STEADY_S: Final = 3.0
MOST_LOOKS: Final = 5


class Attempts:
    """
    Tries again and again at what may fail for a while; a block that does is left, and so is the failure.

    The log tells of the first of several failures, and of the success that follows them.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._has_failed = False

    def __enter__(self) -> None:
        """Try."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        had_failed, self._has_failed = self._has_failed, isinstance(error, OSError)
        if self._has_failed and not had_failed:
            logger.warning(
                "this machine's network interfaces cannot be followed: %s; it is tried again every %g s",
                str(error),  # the exception itself would keep what its frames hold for as long as the record is kept
                self._every_s,
            )
        elif had_failed and error is None:
            logger.info("this machine's network interfaces can be followed again")
        return self._has_failed


def watch(
    stopping: threading.Event, read: Callable[[], T], changed: Callable[[T], None], every_s: float = EVERY_S
) -> None:
    """
    Call *changed* with each new value of *read*, until *stopping* is set.

    A network comes up in steps. So a value counts when it has stayed the same for three tenths of the time
    between two looks; one that never stays counts after five looks. Where either raises :class:`OSError`, as without
    a file descriptor to spare, the next look tries again.

    Args:
        every_s: Seconds between two looks.
    """
    known: T | None = None
    attempts = Attempts(every_s)
    with attempts:
        known = read()
    while not stopping.wait(every_s):
        with attempts:
            seen = _look(stopping, read, known, every_s)
            if seen is not None and seen != known:
                changed(seen)
                known = seen


def _look(stopping: threading.Event, read: Callable[[], T], known: T | None, every_s: float) -> T | None:
    """Return what there is once it is steady; *known* if *stopping* is set before."""
    seen = read()
    for _ in range(MOST_LOOKS if seen != known else 0):
        if stopping.wait(every_s * STEADY_S / EVERY_S):
            return known
        before, seen = seen, read()
        if before == seen:
            break
    return seen
