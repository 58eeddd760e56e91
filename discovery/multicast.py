"""
Opens zeroconf where a scope wants it.

Imported by :mod:`zmqlayer.discovery.responder` on a background thread: importing zeroconf takes 50 to 100 ms.
"""

from __future__ import annotations

from zeroconf import Zeroconf

from zmqlayer.discovery.addresses import choose_interfaces, multicast_interfaces
from zmqlayer.discovery.interfaces import read_interfaces
from zmqlayer.exceptions import TransportError

__all__ = ["open_zeroconf"]


def open_zeroconf(scope: str) -> Zeroconf:
    """
    Open a zeroconf instance on the interfaces of *scope*, with a thread of its own.

    Raises:
        OSError: No socket, or no multicast, on one of them.
    """
    speakers = multicast_interfaces(choose_interfaces(scope, read_interfaces()))
    try:
        return Zeroconf(interfaces=speakers, use_asyncio=False)
    except RuntimeError as exc:  # an adapter went away meanwhile
        raise TransportError(str(exc)) from exc
