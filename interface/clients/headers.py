"""Twisted's header collection, with the one thing the mesh promises beyond it: the order across names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import AnyStr

from twisted.web.http_headers import Headers

from zmqlayer.interface.clients.head import Field

__all__ = ["OrderedHeaders"]


class OrderedHeaders(Headers):
    """
    Headers that :meth:`getAllRawHeaders` yields one by one as they were added, with names as they were spelt.

    A request has them so that a message tells the client's order, a response so that the worker's order is sent.
    """

    __slots__ = ("_fields",)

    def __init__(self) -> None:
        super().__init__()
        self._fields: list[Field] = []

    def addRawHeader(self, name: str | bytes, value: str | bytes) -> None:
        super().addRawHeader(name, value)
        self._fields.append((_to_bytes(name), _to_bytes(value)))

    def setRawHeaders(self, name: str | bytes, values: Sequence[str | bytes]) -> None:
        self.removeHeader(_to_bytes(name))
        for value in values:
            self.addRawHeader(name, value)

    def removeHeader(self, name: AnyStr) -> None:
        super().removeHeader(name)
        gone = _to_bytes(name).lower()
        self._fields = [field for field in self._fields if field[0].lower() != gone]

    def getAllRawHeaders(self) -> Iterator[tuple[bytes, Sequence[bytes]]]:
        return ((name, [value]) for name, value in self._fields)

    def fields(self) -> tuple[Field, ...]:
        """Return names and values in the order in which they were added."""
        return tuple(self._fields)


def _to_bytes(text: str | bytes) -> bytes:
    return text.encode("iso-8859-1") if isinstance(text, str) else text
