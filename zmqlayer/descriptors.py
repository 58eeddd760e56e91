"""
What a node sleeps on: many file descriptors behind one. Used by ``transport.py``, ``pushes.py`` and ``probes.py``.

That one can be watched by whoever runs the node: its own thread, or the event loop of the process. A socket of ZeroMQ
has a descriptor too, which is readable while the socket has something to look into; see ``zmq_getsockopt``,
ZMQ_FD. Nobody sleeps inside ZeroMQ, so its sockets are free for whoever holds their lock.
"""

from __future__ import annotations

import select
import selectors
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Final, Protocol

__all__ = ["Descriptors", "Poll", "PortablePoll"]

LONGEST_S: Final = 60.0
MOST_AT_ONCE: Final = 256
"""Ready descriptors that are named at once; the others are when it is asked next."""

INPUT: Final = 0x001
OUTPUT: Final = 0x004
"""As EPOLLIN and EPOLLOUT, which not all systems have."""


class Poll(Protocol):
    """What Linux calls epoll; see :class:`select.epoll`. It has a descriptor itself."""

    def fileno(self) -> int: ...
    def register(self, fd: int, eventmask: int, /) -> None: ...
    def unregister(self, fd: int, /) -> object: ...
    def poll(self, timeout: float, maxevents: int, /) -> list[tuple[int, int]]: ...
    def close(self) -> None: ...


class PortablePoll:
    """The same by Python's selector of the system, which is kqueue on BSD and macOS; it takes thrice as many calls."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.fileno: Callable[[], int] = self._selector.fileno
        self.unregister = self._selector.unregister
        self.close = self._selector.close

    def register(self, fd: int, eventmask: int, /) -> None:
        """Watch a descriptor for input, or for room to write."""
        self._selector.register(fd, selectors.EVENT_WRITE if eventmask == OUTPUT else selectors.EVENT_READ)

    def poll(self, timeout: float, maxevents: int, /) -> list[tuple[int, int]]:
        """Return (descriptor, what happened there) of those that are ready, after *timeout* seconds at most."""
        return [(key.fd, events) for key, events in self._selector.select(timeout)]


new_poll: Final[Callable[[], Poll]] = select.epoll if hasattr(select, "epoll") else PortablePoll


class Descriptors:
    """The descriptors of one node. They may be added and removed while a thread sleeps on them."""

    def __init__(self) -> None:
        self._poll = new_poll()
        self._watched: set[int] = set()

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._watched

    def __len__(self) -> int:
        return len(self._watched)

    def fileno(self) -> int:
        """Return the descriptor that is readable while one of them is ready."""
        return self._poll.fileno()

    def watch(self, descriptor: int, *, for_output: bool = False) -> None:
        """Watch for input, or for room to write; once more changes nothing."""
        if descriptor not in self._watched:
            self._poll.register(descriptor, OUTPUT if for_output else INPUT)
            self._watched.add(descriptor)

    def unwatch(self, descriptor: int) -> None:
        """Watch no more; before it is closed."""
        if descriptor in self._watched:
            self._watched.discard(descriptor)
            with suppress(OSError):  # others closed it, and the system has forgotten it
                self._poll.unregister(descriptor)

    def ready(self, timeout_s: float) -> AbstractSet[int]:
        """Return which are ready, after waiting at most *timeout_s* seconds for the first."""
        timeout_s = 0.0 if timeout_s <= 0.0 else min(timeout_s, LONGEST_S)
        return {descriptor for descriptor, _ in self._poll.poll(timeout_s, MOST_AT_ONCE)}

    def close(self) -> None:
        """Watch nothing any more. In a forked child this leaves the parent's alone."""
        self._watched.clear()
        self._poll.close()
