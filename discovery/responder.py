"""
The process's mDNS endpoints, shared by its nodes and counted.

Each zeroconf instance opens sockets and needs a loop, so a process has one for each scope, however many
nodes it runs. This module does not import zeroconf: that takes 50 to 100 ms, on the first node's own thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from zmqlayer.discovery.loop_thread import LoopThread

if TYPE_CHECKING:
    from zeroconf import Zeroconf

__all__ = ["Responder", "shared_responder"]


class Responder:
    """
    A zeroconf instance that opens for its first user and closes after its last.

    Args:
        open_zeroconf: Opens the instance, on the loop. May raise :class:`OSError`; the next user tries again.

    Attributes:
        loop: Where it works. Users enter it first, and leave it at last.
    """

    def __init__(self, open_zeroconf: Callable[[], Zeroconf]) -> None:
        self.loop = LoopThread()
        self._open = open_zeroconf
        self._lock = threading.Lock()  # held while opening and closing: the next user waits for the outcome
        self._zeroconf: Zeroconf | None = None
        self._users = 0

    def __repr__(self) -> str:
        return f"<Responder [{self._users} users]>"

    def acquire(self) -> Zeroconf:
        """
        Return the instance, opened if need be. Each call needs one of :meth:`release`.

        Raises:
            OSError: This machine refused a socket or multicast; nothing is to be released.
        """
        with self._lock:
            if self._zeroconf is None:
                self._zeroconf = self.loop.call(self._open)
            self._users += 1
            return self._zeroconf

    def release(self) -> None:
        """Give the instance back; the last user closes it. Never called on the loop's own thread."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._zeroconf is not None:
                self._zeroconf.close()
                self._zeroconf = None


# The only state of this package that outlives its objects. Keyed by process as well: a forked child
# must neither use nor close what its parent opened, since both would share sockets and selectors.
_shared: Final[dict[tuple[int, str], Responder]] = {}


def shared_responder(scope: str) -> Responder:
    """Return the one responder of this process for *scope*, ``"localhost"`` or ``"subnet"``."""
    return _shared.setdefault((os.getpid(), scope), Responder(partial(_open, scope)))


def _open(scope: str) -> Zeroconf:
    from zmqlayer.discovery.multicast import open_zeroconf  # see the module's docstring

    return open_zeroconf(scope)
