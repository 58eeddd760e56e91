"""A client that sends any bytes it likes over TCP, and reads responses with Python's own parser."""

from __future__ import annotations

import http.client
import io
import select
import socket
import struct
from typing import Any, Final, Self

__all__ = ["RawClient"]

WITHIN_S: Final = 10.0


class _Received(io.BufferedReader):
    """What is read of a socket; who read a response thinks to close it, and the next one goes on."""

    def close(self) -> None:
        pass

    def makefile(self, mode: str) -> Self:
        """Return itself: what ``http.client`` asks a socket for."""
        return self


class RawClient:
    """
    One connection to a server on loopback.

    Args:
        source: The address to come from; any of 127.0.0.0/8.
        receive_bytes: Size of the socket's own buffer for what is received, if not the system's.
    """

    def __init__(self, port: int, source: str = "127.0.0.1", receive_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(WITHIN_S)
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        try:
            self.socket.bind((source, 0))
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self._received = _Received(socket.SocketIO(self.socket, "r"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def send(self, text: str | bytes) -> None:
        """Send bytes, or Latin-1 text, as they are."""
        self.socket.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))

    def get(self, path: str, *fields: str) -> None:
        """Send a well-formed GET request."""
        self.send("\r\n".join([f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *fields, "", ""]))

    def read_response(self, method: str = "GET") -> tuple[int, bytes]:
        """Return status and body of the next response."""
        source: Any = self._received
        response = http.client.HTTPResponse(source, method=method)
        response.begin()
        return response.status, response.read()

    def read_line(self) -> bytes:
        """Return the next line, without its end."""
        return self._received.readline().rstrip(b"\r\n")

    def has_answer(self) -> bool:
        """Whether there is something to read, were it the end."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def read_to_end(self) -> bytes:
        """Return all that comes until the server closes the connection, in order or by a reset."""
        received = bytearray()
        try:
            while more := self._received.read1():
                received += more
        except ConnectionResetError:
            pass
        return bytes(received)

    def end_sending(self) -> None:
        """Send no more, but go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Cut the connection, so that the server gets a reset and no orderly end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        """End the connection in order."""
        self.socket.close()
