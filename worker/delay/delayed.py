"""
A message that is to be sent later, and how it is asked for on ``asgi.delay``.

The keys are those of the 2016 draft: ``channel``, a str; ``delay``, a whole number of milliseconds above 0; and
``content``, the message. The content is kept as msgpack, which keeps bytes and text apart and is what the layer
sends, so that a message that could never be sent is refused at once and not when it is due.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Self

from zmqlayer.codec import decode, encode
from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.messages import Message as Content
from zmqlayer.names import ChannelName, check_channel

__all__ = ["DELAY_CHANNEL", "MAX_DELAY_MS", "Delayed", "InvalidDelay", "Order", "pack", "read_order"]

DELAY_CHANNEL: Final = "asgi.delay"
MAX_DELAY_MS: Final = 10 * 365 * 86_400_000
"""Ten years: more is a mistake in the unit."""

_KEYS: Final = ("channel", "delay", "content")


class InvalidDelay(ZmqLayerError, ValueError):
    """A message on ``asgi.delay`` does not say what to send, where to, or when."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"a message on {DELAY_CHANNEL!r} {self.problem}"


@dataclass(frozen=True, slots=True)
class Delayed:
    """
    A message that waits until it is due.

    Attributes:
        channel: Where it will be sent.
        body: The message as msgpack.
        tries: How often its channel was full.
        key: Tells it from others that are alike, so that a store never keeps it twice.
    """

    channel: ChannelName
    body: bytes
    tries: int = 0
    key: uuid.UUID = field(default_factory=uuid.uuid4, compare=False, repr=False)

    def __str__(self) -> str:
        return f"a delayed message for {self.channel!r}"

    def content(self) -> Content:
        """
        Return the message.

        Raises:
            ProtocolError: The body is not a message: somebody else wrote it.
        """
        return decode(self.body)

    def once_more(self) -> Self:
        """Return the same message after one more try."""
        return replace(self, tries=self.tries + 1)


class Order(NamedTuple):
    """What to send, and in how many seconds."""

    delayed: Delayed
    after_s: float


def read_order(content: Content, limit: int) -> Order:
    """
    Return what a message on ``asgi.delay`` asks for.

    Args:
        limit: Most bytes that the message to be sent may have.

    Raises:
        InvalidDelay: A key is missing, or the delay is none.
        InvalidName: ``channel`` is no channel name.
        InvalidMessage, MessageTooLarge: ``content`` could not be sent.
    """
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise InvalidDelay(f"lacks {', '.join(map(repr, missing))}; it needs {', '.join(map(repr, _KEYS))}")
    after_s = _read_delay(content["delay"])
    return Order(pack(content["channel"], content["content"], limit), after_s)


def pack(channel: str, content: Content, limit: int) -> Delayed:
    """
    Return *content* as it is kept until it is sent to *channel*.

    Raises:
        InvalidName: No channel name.
        InvalidDelay: The channel of the delay server itself.
        InvalidMessage, MessageTooLarge: *content* cannot be sent.
    """
    name = check_channel(channel)
    if name == DELAY_CHANNEL:
        raise InvalidDelay("asks for a message to the same channel, so that the delay server would send to itself")
    return Delayed(name, encode(name, content, limit))


def _read_delay(delay: object) -> float:
    if not isinstance(delay, int) or isinstance(delay, bool):
        raise InvalidDelay(f"has a delay of {delay!r:.80}, which is not a whole number of milliseconds")
    if not 0 < delay <= MAX_DELAY_MS:
        raise InvalidDelay(f"has a delay of {delay} ms; it must be above 0 and at most {MAX_DELAY_MS} (ten years)")
    return delay / 1000
