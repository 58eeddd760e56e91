"""
The bytes of large group frames that ZeroMQ still holds. Used by ``transport.py`` only.

ZeroMQ counts frames, not bytes: a subscriber that stands still could pin 20,000 group messages of a megabyte until
its connection is given up. So large frames are sent without a copy, and pyzmq tells when libzmq is done with each.
Frames for one node are no concern here: the windows of ``windows.py`` bound them by bytes.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import zmq

__all__ = ["LARGE_BYTES", "Publications"]

LARGE_BYTES: Final = 16_384
"""From here on a frame is tracked. Smaller ones are copied, which is faster, and bounded by their number."""


class Publications:
    """
    What was published and not taken by everybody yet.

    Args:
        most_bytes: More than that is not held.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: deque[tuple[zmq.MessageTracker, int]] = deque()
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<Publications [{len(self._held)} held | {self._bytes:,} bytes]>"

    def admit(self, wire: bytes) -> zmq.Frame | None:
        """Return *wire* as a frame that is tracked from now on; None if there is no room for it."""
        self._let_go()
        if self._bytes + len(wire) > self._most_bytes:
            return None
        frame = zmq.Frame(wire, track=True, copy=False, copy_threshold=0)
        tracker = frame.tracker
        assert tracker is not None  # it was asked for
        self._held.append((tracker, len(wire)))
        self._bytes += len(wire)
        return frame

    def _let_go(self) -> None:
        """Forget what libzmq is done with: in order, and where the oldest hangs, all that is behind it."""
        while self._held and self._held[0][0].done:
            self._bytes -= self._held.popleft()[1]
        if self._bytes > self._most_bytes // 2:
            self._held = deque(entry for entry in self._held if not entry[0].done)
            self._bytes = sum(size for _, size in self._held)
