"""
What must hold before anything starts; each check gives a sentence for the user, or None.

Uses the standard library only: it also runs where nothing is installed yet.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import socket
from collections.abc import Sequence
from typing import Final

__all__ = ["LOOPBACK", "missing_packages", "multicast_problem", "port_problem"]

LOOPBACK: Final = "127.0.0.1"
NEEDED: Final = ("zmqlayer", "zmq", "msgpack", "zeroconf", "click", "django", "twisted", "autobahn")
MDNS_GROUP: Final = "224.0.0.251"
ECHO_WITHIN_S: Final = 1.0


def missing_packages(needed: Sequence[str] = NEEDED) -> list[str]:
    """Return those of the *needed* top-level packages that cannot be imported."""
    return [name for name in needed if importlib.util.find_spec(name) is None]


def port_problem(port: int) -> str | None:
    """Return why no server can listen on *port* of the loopback interface, or None if one can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError as exc:
            reason = "is in use" if exc.errno == errno.EADDRINUSE else f"cannot be used ({exc.strerror})"
            return f'Port {port} on {LOOPBACK} {reason}. Choose others: make demo ARGS="--ports 8002,8003"'
    return None


def multicast_problem() -> str | None:
    """
    Return why processes of this machine cannot find each other by multicast, or None if they can.

    Sends one datagram to the mDNS group through the loopback interface and waits for it, a second at most.
    """
    cure = "The demo's processes find each other by multicast there. On Linux try: ip link set lo up multicast on"
    try:
        came_back = _echo_over_loopback(os.urandom(16))
    except OSError as exc:
        return f"Multicast on the loopback interface ({LOOPBACK}) fails: {exc.strerror or exc}. {cure}"
    return None if came_back else f"Multicast on the loopback interface ({LOOPBACK}) does not arrive. {cure}"


def _echo_over_loopback(token: bytes) -> bool:
    loopback, group = socket.inet_aton(LOOPBACK), socket.inet_aton(MDNS_GROUP)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("", 0))
        receiver.settimeout(ECHO_WITHIN_S)
        receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + loopback)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, loopback)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        sender.sendto(token, (MDNS_GROUP, receiver.getsockname()[1]))
        try:
            return receiver.recv(64) == token
        except TimeoutError:
            return False
