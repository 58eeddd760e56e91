"""What the kernel knows of a connection that Twisted does not tell: asked, not waited for."""

from __future__ import annotations

import select
import struct
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Final

from twisted.internet.interfaces import ISSLTransport

try:
    from fcntl import ioctl
    from termios import TIOCOUTQ
except ImportError:  # Windows
    ioctl = None  # type: ignore[assignment]

__all__ = ["Standing", "below", "standing_of", "untaken_size"]

GONE: Final = getattr(select, "POLLHUP", 0) | getattr(select, "POLLERR", 0)
ENDED: Final = getattr(select, "POLLRDHUP", 0)
"""Only Linux has it. Elsewhere the end of what a client sends is known only once all before it was read."""


class Standing(Enum):
    """What is left of a connection, as seen from here."""

    OPEN = auto()
    ENDED = auto()  # the client sends nothing more: it may be gone, or still read
    GONE = auto()  # reset, or closed in both directions


def standing_of(transport: object) -> Standing:
    """Return how a connection stands, though nothing is read from it; it is open as far as one can tell."""
    descriptor = _descriptor_of(transport)
    if descriptor < 0 or not hasattr(select, "poll"):
        return Standing.OPEN
    poll = select.poll()
    poll.register(descriptor, ENDED)
    events = sum(events for _, events in poll.poll(0))
    return Standing.GONE if events & GONE else Standing.ENDED if events & ENDED else Standing.OPEN


def untaken_size(transport: object) -> int:
    """Return how much was left to *transport* that the client's side has not taken yet, as far as one can tell."""
    lowest = below(transport)
    waiting = len(getattr(lowest, "dataBuffer", b"")) - getattr(lowest, "offset", 0)
    waiting += getattr(lowest, "_tempDataLen", 0)
    return int(waiting) + _queue_size(_descriptor_of(lowest))


def below(transport: object) -> Any:
    """Return the transport that has the socket: with TLS, the one below."""
    return getattr(transport, "transport", transport) if ISSLTransport.providedBy(transport) else transport


def _queue_size(descriptor: int) -> int:
    """Return what a socket's own queue holds: sent, and not confirmed, or by a UNIX socket's peer not read."""
    if descriptor >= 0 and ioctl is not None:
        with suppress(OSError):
            return int(struct.unpack("i", ioctl(descriptor, TIOCOUTQ, bytes(4)))[0])
    return 0


def _descriptor_of(transport: object) -> int:
    fileno = getattr(below(transport), "fileno", None)
    return int(fileno()) if fileno is not None else -1
