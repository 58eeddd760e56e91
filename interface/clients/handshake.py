"""
The opening handshake of a WebSocket (RFC 6455, 4.2), checked. Pure.

Autobahn parses a request head itself, and not quite as llhttp does. It is therefore never shown the client's
bytes: :meth:`Handshake.canonical_head` writes a new head of the few fields that matter, all of them checked.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from zmqlayer.interface.clients.head import BadRequest, Head

__all__ = ["VERSION", "Handshake", "read_handshake"]

VERSION: Final = b"13"
KEY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Handshake:
    """
    A valid request to speak WebSocket.

    Attributes:
        key: The client's ``Sec-WebSocket-Key``.
    """

    key: bytes

    def canonical_head(self) -> bytes:
        """Return the least request head that opens this handshake."""
        return (
            b"GET / HTTP/1.1\r\n"
            b"Host: localhost\r\n"
            b"Upgrade: websocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Sec-WebSocket-Version: " + VERSION + b"\r\n"
            b"Sec-WebSocket-Key: " + self.key + b"\r\n\r\n"
        )


def read_handshake(head: Head) -> Handshake:
    """
    Check the request for an upgrade to WebSocket.

    Raises:
        BadRequest: 426 for another version of WebSocket, else 400.
    """
    if head.method != "GET" or head.announces_body:
        raise BadRequest("A WebSocket opens with a GET request that has no body.")
    if b"upgrade" not in head.tokens(b"connection"):
        raise BadRequest("A WebSocket needs the header 'Connection: Upgrade'.")
    if head.values(b"sec-websocket-version") != [VERSION]:
        raise BadRequest("This server speaks version 13 of WebSocket.", 426)
    keys = head.values(b"sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        raise BadRequest("A WebSocket needs one Sec-WebSocket-Key of 16 bytes as base64.")
    return Handshake(keys[0])


def _is_key(key: bytes) -> bool:
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error:
        return False
    return len(raw) == KEY_BYTES and len(key) == 24
