"""
The opening handshake of a WebSocket (RFC 6455, 4.2): the request checked, and the answer that accepts it. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from zmqlayer.interface.clients.extensions import Agreement, agree
from zmqlayer.interface.clients.head import TOKEN, BadRequest, Field, Head
from zmqlayer.interface.clients.origins import is_allowed_origin

__all__ = ["VERSION", "Handshake", "choose_subprotocol", "offered_subprotocols", "read_handshake"]

VERSION: Final = b"13"
KEY_BYTES: Final = 16
GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Hashed with the key: whoever answers with that knows WebSocket (RFC 6455, 1.3)."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """
    A valid request to speak WebSocket.

    Attributes:
        key: The client's ``Sec-WebSocket-Key``.
        compression: What was agreed on; None if messages are not compressed.
    """

    key: bytes
    compression: Agreement | None = None

    def answer(self, subprotocol: str, fields: Iterable[Field]) -> bytes:
        """
        Return the response that opens the WebSocket.

        Args:
            subprotocol: One that the client offered, or empty.
            fields: More fields, checked.
        """
        lines = [
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: " + base64.b64encode(hashlib.sha1(self.key + GUID).digest()),
        ]
        if subprotocol:
            lines.append(b"Sec-WebSocket-Protocol: " + subprotocol.encode("ascii"))
        if self.compression is not None:
            lines.append(b"Sec-WebSocket-Extensions: " + self.compression.answer)
        lines.extend(name + b": " + value for name, value in fields)
        return b"\r\n".join((*lines, b"", b""))


def read_handshake(head: Head, is_compressed: bool, allowed_origins: Sequence[str]) -> Handshake:
    """
    Check the request for an upgrade to WebSocket.

    Args:
        is_compressed: Whether this server compresses, if the client offers it.
        allowed_origins: Patterns for ``origins``; empty for any.

    Raises:
        BadRequest: 426 for another version of WebSocket, 403 for a page that may not open one, else 400.
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
    _check_subprotocols(head)
    agreement = agree(head.values(b"sec-websocket-extensions"))
    if not is_allowed_origin(head.values(b"origin"), allowed_origins):
        raise BadRequest("Pages of this origin may not open WebSockets here.", 403, "foreign origin")
    return Handshake(keys[0], agreement if is_compressed else None)


def offered_subprotocols(head: Head) -> tuple[str, ...]:
    """Return the subprotocols that the client offers, the preferred first."""
    return tuple(name.decode("ascii") for name in _names_in(head))


def choose_subprotocol(offered: Sequence[str], preferred: Sequence[str]) -> str:
    """Return the first of *preferred* that the client offers; empty if there is none."""
    return next((name for name in preferred if name in offered), "")


def _check_subprotocols(head: Head) -> None:
    names = _names_in(head)
    if len(set(names)) < len(names) or not all(map(TOKEN.match, names)):
        raise BadRequest("Sec-WebSocket-Protocol is not a list of different tokens.")


def _names_in(head: Head) -> list[bytes]:
    values = b",".join(head.values(b"sec-websocket-protocol")).split(b",")
    return [name for value in values if (name := value.strip())]


def _is_key(key: bytes) -> bool:
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error:
        return False
    return len(raw) == KEY_BYTES and len(key) == 24
