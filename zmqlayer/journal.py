"""
The journal: what a node has to say in the log, collected in the order in which it came up. Pure.

Handlers of the log are foreign code: one may send through the layer, or take its time over a mail. The core runs under
a lock, so it calls none: what it says are events, and whoever let the lock go writes them.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import DEBUG, WARNING, getLogger
from typing import NamedTuple

__all__ = ["Journal", "Said"]

logger = getLogger("zmqlayer")


class Said(NamedTuple):
    """A line for the log. Its arguments do not change between now and then."""

    level: int
    text: str
    args: tuple[object, ...]

    def write(self) -> None:
        """Give it to the handlers of the log; with no lock held."""
        logger.log(self.level, self.text, *self.args)


class Journal:
    """
    Where the parts of one node say what they did, as they would to a logger.

    Args:
        emit: Takes each line.
    """

    def __init__(self, emit: Callable[[Said], None]) -> None:
        self._emit = emit

    def debug(self, text: str, *args: object) -> None:
        """Say what only who looks for a fault wants to know."""
        self._emit(Said(DEBUG, text, args))

    def warning(self, text: str, *args: object) -> None:
        """Say what somebody should see to."""
        self._emit(Said(WARNING, text, args))
