"""Ports that a test may hand to a process that takes a while to listen on them."""

from __future__ import annotations

import random
import socket
from typing import Final

BELOW_EPHEMERAL: Final = range(20_000, 30_000)
"""
Where the kernel takes no port from by itself (Linux: from 32768, others from 49152). A port that it gave a moment ago
may go to any other connection before the process listens.
"""


def free_ports(number: int) -> list[int]:
    """Return ports on 127.0.0.1 that nobody listens on, and that nobody is given who asks for just any."""
    found: list[int] = []
    for port in random.sample(BELOW_EPHEMERAL, k=len(BELOW_EPHEMERAL)):
        if len(found) == number:
            break
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                continue
        found.append(port)
    return found


def free_port() -> int:
    """Return one port as :func:`free_ports` does."""
    return free_ports(1)[0]
