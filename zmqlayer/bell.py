"""
The bell of a node: how any thread wakes whoever sleeps on its descriptors. Used by ``transport.py`` and ``solo.py``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Container

from zmqlayer.descriptors import Descriptors

__all__ = ["Bell"]


class Bell:
    """
    A pipe that is written to from one side and watched from the other.

    Args:
        descriptors: Told to watch it.
    """

    def __init__(self, descriptors: Descriptors) -> None:
        self._heard, self._rung = os.pipe()
        os.set_blocking(self._heard, False)
        os.set_blocking(self._rung, False)
        descriptors.watch(self._heard)

    def ring(self) -> None:
        """Wake the sleeper. The only method that any thread may call at any moment."""
        try:
            os.write(self._rung, b"\0")
        except BlockingIOError:
            return  # it is full of rings: it will be heard
        except OSError as exc:
            if exc.errno != errno.EBADF:
                raise

    def hush(self, ready: Container[int]) -> None:
        """Take the rings away, if there are any."""
        if self._heard in ready:
            try:
                os.read(self._heard, 4096)
            except BlockingIOError:
                return  # somebody else heard it

    def close(self) -> None:
        """Ring no more. The numbers are forgotten first: they may belong to somebody else soon."""
        heard, rung, self._heard, self._rung = self._heard, self._rung, -1, -1
        os.close(heard)
        os.close(rung)
