"""Which lines of the package a call reaches; as little as a fuzzer needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["Reached"]


class Reached:
    """
    Lines reached so far.

    Args:
        folder: Only files below it count.
    """

    def __init__(self, folder: str) -> None:
        self.lines: set[tuple[str, int]] = set()
        self._folder = folder

    def during(self, call: Callable[[], None]) -> bool:
        """Do *call*; return whether it reached a line that none before it did."""
        before = len(self.lines)
        former = sys.gettrace()
        sys.settrace(self._enter)
        try:
            call()
        finally:
            sys.settrace(former)
        return len(self.lines) > before

    def _enter(self, frame: FrameType, event: str, _arg: Any) -> Any:
        return self._step if frame.f_code.co_filename.startswith(self._folder) else None

    def _step(self, frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            self.lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._step
