"""
permessage-deflate (RFC 7692): the codec that Autobahn's frames call, with bounded output and nothing kept when idle.

A compressor and a decompressor exist only while a message goes through them. What is agreed with the client is decided
in ``extensions``.
"""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Final

from autobahn.exception import PayloadCorruptError, PayloadExceededError
from autobahn.websocket.compress_base import PerMessageCompress

from zmqlayer.interface.clients.extensions import Agreement

if TYPE_CHECKING:
    from zlib import _Decompress

__all__ = ["Deflate"]

LEVEL: Final = 5
MEMORY_LEVEL: Final = 5
"""16 KB for the compressor's tables; the default of zlib is 128 KB, and allocating it costs more than it saves."""
MOST: Final = sys.maxsize - 1
"""Bytes that zlib can be asked for, but for one more."""
TAIL: Final = b"\x00\x00\xff\xff"
"""Ends what is flushed, and is not sent (RFC 7692, 7.2.1)."""


class Deflate(PerMessageCompress):
    """The codec of one WebSocket."""

    EXTENSION_NAME = "permessage-deflate"

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._inflater: _Decompress | None = None

    def compress(self, payload: bytes) -> bytes:
        """Return one message as it is sent."""
        deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -self._agreement.server_bits, MEMORY_LEVEL)
        return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH))[: -len(TAIL)]

    # What Autobahn calls, in this order.

    def start_decompress_message(self) -> None:
        """A compressed message begins."""
        self._inflater = self._new_inflater()

    def decompress_message_data(self, data: bytes, max_output_len: int | None = None) -> bytes:
        """
        Return what a piece of the message holds.

        Raises:
            PayloadExceededError: More than *max_output_len* bytes; hardly more were made.
            PayloadCorruptError: The message cannot be decompressed.
        """
        room = MOST if max_output_len is None else min(max(0, max_output_len), MOST)
        parts = []
        try:
            while data:
                if self._inflater is None or self._inflater.eof:  # a block may be marked as the last one (7.2.3.5)
                    self._inflater = self._new_inflater()
                part = self._inflater.decompress(data, room + 1)
                room -= len(part)
                if room < 0:
                    raise PayloadExceededError("a message is too large once it is decompressed")
                parts.append(part)
                data = self._inflater.unused_data
        except zlib.error as exc:
            raise PayloadCorruptError(str(exc)) from exc
        return b"".join(parts)

    def end_decompress_message(self) -> None:
        """
        The message is complete.

        Raises:
            PayloadCorruptError: It is not, where its compression is concerned.
        """
        inflater, self._inflater = self._inflater, None
        try:
            if inflater is not None and not inflater.eof and inflater.decompress(TAIL, 1):
                raise PayloadCorruptError("a message ends in the middle of a block")
        except zlib.error as exc:
            raise PayloadCorruptError(str(exc)) from exc

    def _new_inflater(self) -> _Decompress:
        return zlib.decompressobj(-self._agreement.client_bits)
