"""ZeroMQ sockets that are kept, so that none is closed by the garbage collector, which warns of it."""

from __future__ import annotations

from collections.abc import Sequence

import zmq

from zmqlayer.security import Keys
from zmqlayer.sockets import Sockets

__all__ = ["KeptSockets"]


class KeptSockets(Sockets):
    """Sockets that nobody closes before the test is over."""

    def __init__(self, host: str, keys: Sequence[Keys], max_frame_size: int, most_dialled: int) -> None:
        super().__init__(host, keys, max_frame_size, most_dialled)
        self.created: list[zmq.Socket[bytes]] = []

    def create(self, kind: int) -> zmq.Socket[bytes]:
        self.created.append(super().create(kind))
        return self.created[-1]
