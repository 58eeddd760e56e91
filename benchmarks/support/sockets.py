"""WebSocket clients by the thousand in one event loop, small enough to outrun the servers."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

__all__ = ["Echoes", "Socket", "close_all", "echo", "open_many"]

WITHIN_S: Final = 60.0
AT_A_TIME: Final = 50
PORTS_PER_ADDRESS: Final = 20_000
MASK: Final = bytes(4)
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A


class Socket(asyncio.Protocol):
    """
    One WebSocket. It answers pings by itself.

    Args:
        path: What it asks for.

    Attributes:
        pings: How many it got.
        is_open: From the handshake until either side closes.
    """

    __slots__ = ("_buffer", "_path", "_transport", "_waiter", "is_open", "pings")

    def __init__(self, path: str = "/socket") -> None:
        self._path = path
        self._buffer = b""
        self._waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.is_open = False
        self.pings = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        head = (f"GET {self._path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade")
        self._transport.write(
            "\r\n".join((*head, f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", "")).encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if not self._waiter.done():
            self._waiter.set_exception(ConnectionError("the server closed a WebSocket"))
            self._waiter.exception()  # somebody may wait for it, or nobody

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.is_open:
            self._read_head()
        while self.is_open and (frame := self._take_frame()) is not None:
            self._take(*frame)

    async def opened(self) -> None:
        """Wait for the handshake."""
        await asyncio.wait_for(self._waiter, WITHIN_S)

    async def echo(self, text: bytes) -> None:
        """Send a message and wait for one."""
        self._waiter = asyncio.get_running_loop().create_future()
        self._send(TEXT, text)
        await self._waiter

    def close(self) -> None:
        """Close without waiting."""
        self._send(CLOSE, struct.pack("!H", 1000))
        self._transport.close()

    def _read_head(self) -> None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if end and not head.startswith(b"HTTP/1.1 101"):
            self._transport.close()
        elif end:
            self._buffer = rest
            self.is_open = True
            self._waiter.set_result(b"")

    def _take_frame(self) -> tuple[int, bytes] | None:
        """Return the next whole frame; messages here are short."""
        if len(self._buffer) < 2 or len(self._buffer) < 2 + self._buffer[1]:
            return None
        size = 2 + self._buffer[1]
        frame, self._buffer = self._buffer[:size], self._buffer[size:]
        return frame[0], frame[2:]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.pings += 1
            self._send(PONG, payload)
        elif opcode == CLOSE:
            self._transport.close()
        elif not self._waiter.done():
            self._waiter.set_result(payload)

    def _send(self, opcode: int, payload: bytes) -> None:
        self._transport.write(bytes((opcode, 0x80 | len(payload))) + MASK + payload)


@dataclass(frozen=True, slots=True)
class Echoes:
    """
    What a round of echoes gave.

    Attributes:
        took_us: Of each message there and back.
    """

    seconds: float
    took_us: Sequence[float]

    @property
    def per_second(self) -> float:
        """Messages there and back in a second."""
        return len(self.took_us) / self.seconds


async def open_many(port: int, number: int, path: str = "/socket") -> list[Socket]:
    """Open so many WebSockets to *path*, 50 at a time; beyond 20,000 from further addresses of loopback."""
    gate = asyncio.Semaphore(AT_A_TIME)

    async def open_one(index: int) -> Socket:
        loop = asyncio.get_running_loop()
        source = (f"127.0.0.{1 + index // PORTS_PER_ADDRESS}", 0)
        async with gate:
            _, socket = await loop.create_connection(lambda: Socket(path), "127.0.0.1", port, local_addr=source)
            await socket.opened()
        return socket

    return await asyncio.gather(*map(open_one, range(number)))


async def echo(sockets: Sequence[Socket], seconds: float, size: int) -> Echoes:
    """Send messages of *size* bytes, at most 125, over all *sockets* at once, each waiting for its echo."""
    text = b"x" * size
    took_us: list[float] = []
    begun = time.perf_counter()

    async def talk(socket: Socket) -> None:
        while (sent_at := time.perf_counter()) < begun + seconds:
            await socket.echo(text)
            took_us.append((time.perf_counter() - sent_at) * 1e6)

    await asyncio.wait_for(asyncio.gather(*map(talk, sockets)), seconds + WITHIN_S)
    return Echoes(time.perf_counter() - begun, took_us)


async def close_all(sockets: Sequence[Socket]) -> None:
    """Close them all."""
    for socket in sockets:
        socket.close()
    await asyncio.sleep(0.1)
