"""One message of a WebSocket being put together from the pieces that arrive: its size, and its UTF-8. Pure."""

from __future__ import annotations

import codecs
from typing import Final

from zmqlayer.exceptions import ZmqLayerError

__all__ = ["Assembly", "BadMessage"]

BAD_TEXT: Final = 1007
TOO_BIG: Final = 1009
UTF8: Final = codecs.getincrementaldecoder("utf-8")


class BadMessage(ZmqLayerError):
    """
    A client's message cannot be taken.

    Attributes:
        code: To close with (RFC 6455, 7.4.1).
        sentence: For the client: what is wrong.
    """

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


class Assembly:
    """
    One message. It takes as much memory as its bytes, whatever the number of pieces.

    Args:
        limit: Bytes that it may have, after decompression.
    """

    __slots__ = ("_bytes", "_decoder", "_limit")

    def __init__(self, limit: int, is_text: bool) -> None:
        self._limit = limit
        self._bytes = bytearray()
        self._decoder = UTF8() if is_text else None

    def check_size(self, size: int) -> None:
        """
        Check what is announced.

        Raises:
            BadMessage: The message is too large.
        """
        if size > self._limit:
            raise BadMessage(TOO_BIG, f"a message may have {self._limit} bytes")

    def add(self, piece: bytes) -> None:
        """
        Take the next piece.

        Raises:
            BadMessage: The message is too large, or no UTF-8: at the first byte that makes it so (RFC 6455, 8.1).
        """
        self.check_size(len(self._bytes) + len(piece))
        if self._decoder is not None:
            try:
                self._decoder.decode(piece)
            except UnicodeDecodeError:
                raise BadMessage(BAD_TEXT, "a text message must be UTF-8") from None
            if _begins_surrogate(self._decoder.getstate()[0]):
                raise BadMessage(BAD_TEXT, "a text message must be UTF-8")
        self._bytes += piece

    def whole(self) -> str | bytes:
        """
        Return the message: text as str.

        Raises:
            BadMessage: It ends within a character.
        """
        if self._decoder is None:
            return bytes(self._bytes)
        try:
            return self._bytes.decode("utf-8")
        except UnicodeDecodeError:
            raise BadMessage(BAD_TEXT, "a text message must not end within a character") from None


def _begins_surrogate(pending: bytes) -> bool:
    """Whether no character can come of what a decoder keeps; Python's finds a surrogate only with its last byte."""
    return pending[:1] == b"\xed" and pending[1:] >= b"\xa0"
