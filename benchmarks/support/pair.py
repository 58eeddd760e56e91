"""What a benchmark asks of two processes, whatever carries their messages. Used by ``raw_pair``."""

from __future__ import annotations

from typing import Any, Protocol, Self

import msgpack

__all__ = ["Message", "Pair", "make_message"]

Message = dict[str, Any]


class Pair(Protocol):
    """This process and another one, which it starts on entry and ends on exit."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...

    def one_way(self, message: Message, number: int) -> float:
        """Send *message* *number* times; return the seconds until the other side said that it has read all."""

    def round_trips(self, message: Message, number: int) -> list[float]:
        """Send *message* and wait for its echo, *number* times; return the seconds of each."""


def make_message(size: int) -> Message:
    """Return a message, like one of a chat, that has *size* bytes as msgpack: 100 to 300."""
    message = {"type": "chat.message", "number": 1, "room": "lobby", "text": "x" * 32}
    return {**message, "text": "x" * (32 + size - len(msgpack.packb(message)))}
