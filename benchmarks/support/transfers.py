"""One large upload or download over a plain socket, during which one side may stand still for a while."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Final

__all__ = ["Transfer", "download", "upload"]

PIECE: Final = bytes(262_144)
STILL_AFTER: Final = 1 << 20
TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Transfer:
    """
    What one transfer gave.

    Attributes:
        is_whole: Whether everything arrived.
        seconds: Without the time for which one side stood still.
        first_s: From the request to the first byte of the answer.
    """

    is_whole: bool
    seconds: float
    first_s: float


def upload(port: int, size: int, still_s: float = 0.0) -> Transfer:
    """Send *size* bytes as fast as they are taken, by a view that takes none for *still_s* seconds."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as client:
        begun = time.perf_counter()
        client.sendall(f"POST /upload?{still_s} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // len(PIECE)):
            client.sendall(PIECE)
        client.sendall(PIECE[: size % len(PIECE)])
        status, content = _read_answer(client)
        took = time.perf_counter() - begun - still_s
        return Transfer(status == b"200" and content == b"%d" % size, took, took)


def download(port: int, size: int, still_s: float = 0.0, path: str = "/download") -> Transfer:
    """Take *size* bytes as fast as they come; after the first megabyte none for *still_s* seconds."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as client:
        begun = time.perf_counter()
        client.sendall(f"GET {path}?{size} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        buffer = bytearray(len(PIECE))
        head, _, rest = client.recv(65_536).partition(b"\r\n\r\n")
        first_s = time.perf_counter() - begun
        left, is_still = size - len(rest), still_s > 0
        while left > 0 and (taken := client.recv_into(buffer)):
            left -= taken
            if is_still and left < size - STILL_AFTER:
                time.sleep(still_s)
                is_still = False
        return Transfer(b" 200 " in head[:20] and left == 0, time.perf_counter() - begun - still_s, first_s)


def _read_answer(client: socket.socket) -> tuple[bytes, bytes]:
    """Read one short answer; returns its status and its content."""
    received = b""
    while not (received.partition(b"\r\n\r\n")[2]) and (data := client.recv(65_536)):
        received += data
    head, _, content = received.partition(b"\r\n\r\n")
    return head[9:12], content
