"""
What a node sleeps on: many file descriptors behind one. Used by ``transport.py``, ``pushes.py`` and ``probes.py``.

That one can be watched by whoever runs the node: its own thread, or the event loop of the process. A socket of ZeroMQ
has a descriptor too, which is readable while the socket has something to look into; see ``zmq_getsockopt``,
ZMQ_FD. Nobody sleeps inside ZeroMQ, so its sockets are free for whoever holds their lock.
"""

from __future__ import annotations

import selectors
from collections.abc import Set as AbstractSet
from typing import Final

__all__ = ["Descriptors"]

LONGEST_S: Final = 60.0


class Descriptors:
    """The descriptors of one node. They may be added and removed while a thread sleeps on them."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()  # epoll or kqueue: kinds that have a descriptor themselves
        self._is_closed = False

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._selector.get_map()

    def __len__(self) -> int:
        return len(self._selector.get_map() or ())

    def fileno(self) -> int:
        """Return the descriptor that is readable while one of them is ready."""
        return self._selector.fileno()

    def watch(self, descriptor: int, *, for_output: bool = False) -> None:
        """Watch for input, or for room to write; once more changes nothing."""
        if descriptor not in self:
            self._selector.register(descriptor, selectors.EVENT_WRITE if for_output else selectors.EVENT_READ)

    def unwatch(self, descriptor: int) -> None:
        """Watch no more; before it is closed."""
        if not self._is_closed and descriptor in self:
            self._selector.unregister(descriptor)

    def ready(self, timeout_s: float) -> AbstractSet[int]:
        """Return which are ready, after waiting at most *timeout_s* seconds for the first."""
        return {key.fd for key, _ in self._selector.select(min(max(0.0, timeout_s), LONGEST_S))}

    def close(self) -> None:
        """Watch nothing any more. In a forked child this leaves the parent's alone."""
        self._is_closed = True
        self._selector.close()
