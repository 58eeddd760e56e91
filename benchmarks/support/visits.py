"""A given number of HTTP requests over a few connections that stay open, and as many WebSocket sessions."""

from __future__ import annotations

import asyncio
import http.client
from typing import Final

from support.echoes import echo
from support.lines import close_lines, open_lines

__all__ = ["answers", "ask_often", "hold_sessions"]

CONNECTIONS: Final = 16
AT_ONCE: Final = 250
WITHIN_S: Final = 600.0
MESSAGE_BYTES: Final = 5


def answers(port: int) -> bool:
    """Whether somebody says 200 to a request at *port* of loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def ask_often(port: int, path: str, number: int) -> None:
    """
    Ask for *path* so many times.

    Raises:
        RuntimeError: An answer was not 200.
    """
    asyncio.run(asyncio.wait_for(_share(port, path, number), WITHIN_S))


def hold_sessions(port: int, path: str, number: int) -> None:
    """Open so many WebSockets, a few hundred at a time; each says something, hears the answer, and closes."""
    while number > 0:
        lines = open_lines(port, min(number, AT_ONCE), path)
        echo(lines, 0.0, MESSAGE_BYTES)
        close_lines(lines)
        number -= len(lines)


async def _share(port: int, path: str, number: int) -> None:
    share, more = divmod(number, CONNECTIONS)
    shares = [share + (index < more) for index in range(CONNECTIONS)]
    await asyncio.gather(*(_ask(port, path, each) for each in shares))


async def _ask(port: int, path: str, number: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    for _ in range(number):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"not answered with 200, but with {head[:40]!r}")
        await reader.readexactly(_length(head))
    writer.close()
    await writer.wait_closed()


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
