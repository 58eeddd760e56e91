"""
The bell of a node: how any thread wakes whoever sleeps on its descriptors. Used by ``transport.py`` and ``solo.py``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Container
from contextlib import suppress

from zmqlayer.descriptors import Descriptors

__all__ = ["Bell"]


class Bell:
    """
    A pipe that is written to from one side and watched from the other.

    Args:
        descriptors: Told to watch it.
    """

    def __init__(self, descriptors: Descriptors) -> None:
        self._lock = threading.Lock()
        self._is_closed = False
        self._heard, self._rung = os.pipe()
        os.set_blocking(self._heard, False)
        os.set_blocking(self._rung, False)
        descriptors.watch(self._heard)

    def ring(self) -> None:
        """Wake the sleeper, if there is one still. The only method that any thread may call at any moment."""
        with self._lock:  # what is closed meanwhile is somebody else's a moment later
            if not self._is_closed:
                with suppress(BlockingIOError):  # it is full of rings: it will be heard
                    os.write(self._rung, b"\0")

    def hush(self, ready: Container[int]) -> None:
        """Take the rings away, if there are any."""
        if self._heard in ready:
            try:
                os.read(self._heard, 4096)
            except BlockingIOError:
                return  # somebody else heard it

    def close(self) -> None:
        """Ring no more."""
        with self._lock:
            self._is_closed = True
            os.close(self._heard)
            os.close(self._rung)

    def disown(self) -> None:
        """Close it in a forked child: a thread that is missing there may have been about to ring."""
        self._lock = threading.Lock()
        self.close()
