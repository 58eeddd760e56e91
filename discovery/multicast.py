"""
Opens zeroconf where a scope wants it.

Imported by :mod:`zmqlayer.discovery.responder` on a background thread: importing zeroconf takes 50 to 100 ms.
"""

from __future__ import annotations

import logging
import socket
import struct
from typing import Final

from zeroconf import Zeroconf

from zmqlayer.discovery.addresses import choose_interfaces, multicast_interfaces
from zmqlayer.discovery.interfaces import read_interfaces
from zmqlayer.exceptions import TransportError

__all__ = ["open_zeroconf", "usable_speakers"]

logger = logging.getLogger("zmqlayer.discovery")

GROUP: Final = "224.0.0.251"
GROUP6: Final = "ff02::fb"


def open_zeroconf(scope: str) -> Zeroconf:
    """
    Open a zeroconf instance on the interfaces of *scope*, for the event loop that runs here.

    Raises:
        OSError: No socket, or no multicast, on any of them.
    """
    speakers = usable_speakers(multicast_interfaces(choose_interfaces(scope, read_interfaces())))
    try:
        return Zeroconf(interfaces=speakers, use_asyncio=True)
    except RuntimeError as exc:  # an adapter went away meanwhile
        raise TransportError(str(exc)) from exc


def usable_speakers(speakers: list[str | int]) -> list[str | int]:
    """
    Return those of *speakers* that take part in multicast; the others are named in the log.

    Args:
        speakers: IPv4 addresses, and indexes of adapters for IPv6.

    Raises:
        OSError: None does.
    """
    usable: list[str | int] = []
    refusals: dict[str | int, OSError] = {}
    for speaker in speakers:
        try:
            _join(speaker)
        except OSError as exc:
            refusals[speaker] = exc
        else:
            usable.append(speaker)
    if not usable and refusals:
        raise next(iter(refusals.values()))
    for speaker, refusal in refusals.items():
        logger.warning("mDNS leaves out interface %s, which refuses multicast: %s", speaker, refusal.strerror)
    return usable


def _join(speaker: str | int) -> None:
    """Join the multicast group of mDNS, and leave it again."""
    if isinstance(speaker, str):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
            trial.setsockopt(
                socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + socket.inet_aton(speaker)
            )
    else:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as trial:
            group = socket.inet_pton(socket.AF_INET6, GROUP6) + struct.pack("@I", speaker)
            trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
