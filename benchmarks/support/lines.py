"""
WebSocket clients without an event loop: plain sockets and one poll, so that the client is not what limits.

Messages are texts of at most 125 bytes. All functions raise :class:`TimeoutError` if nothing comes for a minute.
"""

from __future__ import annotations

import base64
import gc
import os
import select
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Self

__all__ = ["Line", "Poll", "close_lines", "open_lines", "without_collections"]

WITHIN_S: Final = 60.0
AT_A_TIME: Final = 50
PORTS_PER_ADDRESS: Final = 20_000
ROOM: Final = 1 << 18
MASK: Final = bytes(4)
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A


class Line:
    """
    One WebSocket that begins its handshake at once. It answers pings by itself.

    Args:
        port: Of 127.0.0.1.
        path: What it asks for.
        address: Its own, of loopback.

    Attributes:
        is_open: From the end of the handshake until either side closes.
        pings: How many it got.
    """

    __slots__ = ("_buffer", "_socket", "is_open", "pings")

    def __init__(self, port: int, path: str, address: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), WITHIN_S, source_address=(address, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.is_open = False
        self.pings = 0
        key = base64.b64encode(os.urandom(16)).decode()
        head = (f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade")
        tail = (f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", "")
        self._socket.sendall("\r\n".join((*head, *tail)).encode())

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._socket.fileno()

    def send(self, text: bytes) -> None:
        """Send a message."""
        self._send(TEXT, text)

    def read(self) -> list[bytes]:
        """
        Take what came; to be called when the descriptor is readable.

        Raises:
            ConnectionError: The server refused the WebSocket.
        """
        received = self._socket.recv(ROOM)
        if not received:
            self.is_open = False
            raise ConnectionError("a server closed a WebSocket")
        self._buffer += received
        if not self.is_open and not self._take_head():
            return []
        return self._take_texts()

    def close(self) -> None:
        """Close without waiting."""
        if self.is_open:
            self.is_open = False
            self._send(CLOSE, b"\x03\xe8")
        self._socket.close()

    def _take_head(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if end and not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"a server refused a WebSocket: {head[:60].decode(errors='replace')}")
        if end:
            self._buffer, self.is_open = rest, True
        return self.is_open

    def _take_texts(self) -> list[bytes]:
        buffer, texts, begin = self._buffer, [], 0
        while len(buffer) >= begin + 2 and len(buffer) >= (end := begin + 2 + buffer[begin + 1]):
            if buffer[begin] == TEXT:
                texts.append(buffer[begin + 2 : end])
            else:
                self._take_control(buffer[begin], buffer[begin + 2 : end])
            begin = end
        self._buffer = buffer[begin:]
        return texts

    def _take_control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.pings += 1
            self._send(PONG, payload)
        elif opcode == CLOSE:
            raise ConnectionError(f"a server closed a WebSocket with {int.from_bytes(payload[:2], 'big')}")

    def _send(self, opcode: int, payload: bytes) -> None:
        self._socket.sendall(bytes((opcode, 0x80 | len(payload))) + MASK + payload)


class Poll:
    """Tells which of some lines can be read."""

    def __init__(self, lines: Sequence[Line] = ()) -> None:
        self._epoll = select.epoll()
        self._lines: dict[int, Line] = {}
        for line in lines:
            self.add(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._epoll.close()

    def add(self, line: Line) -> None:
        """Watch one more."""
        self._lines[line.fileno()] = line
        self._epoll.register(line.fileno(), select.EPOLLIN)

    def remove(self, line: Line) -> None:
        """Watch it no more."""
        self._epoll.unregister(line.fileno())
        del self._lines[line.fileno()]

    def readable(self, seconds: float = WITHIN_S) -> list[Line]:
        """Wait for so long; the list is empty if nothing came."""
        return [self._lines[descriptor] for descriptor, _ in self._epoll.poll(max(0.0, seconds))]

    def some_readable(self) -> list[Line]:
        """Wait until something comes."""
        lines = self.readable()
        if not lines:
            raise TimeoutError(f"nothing came from a server for {WITHIN_S:g} s")
        return lines


def open_lines(port: int, number: int, path: str) -> list[Line]:
    """Open so many, 50 at a time; beyond 20,000 from further addresses of loopback."""
    lines: list[Line] = []
    n_open = 0
    with Poll() as poll:
        while n_open < number:
            while len(lines) < min(number, n_open + AT_A_TIME):
                lines.append(Line(port, path, f"127.0.0.{1 + len(lines) // PORTS_PER_ADDRESS}"))
                poll.add(lines[-1])
            for line in poll.some_readable():
                line.read()
                if line.is_open:
                    n_open += 1
                    poll.remove(line)
    return lines


def close_lines(lines: Sequence[Line]) -> None:
    """Close them all, without waiting."""
    for line in lines:
        line.close()


@contextmanager
def without_collections() -> Iterator[None]:
    """Collect no garbage in this process, so that its pauses do not count as the servers'."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
