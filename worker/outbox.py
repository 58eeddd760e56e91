"""
What a consumer sends is held until the consumer ends.

So nobody can react to a message before the consumer that sent it has finished and, with it, its
transaction. What was sent before an exception still goes out, as the rows written before it stay
written; only ``ConsumeLater`` drops it, because that consumer runs again from its start.

With the last message goes the receipt that a WebSocket's server waits for, see :mod:`zmqlayer.worker.receipts`.

The outbox of the running consumer is a context variable: it follows the consumer through
``async_to_sync`` and never reaches another thread's consumer. Outside a consumer there is none, and
:class:`~zmqlayer.worker.channel.Channel` sends at once. A thread started by a consumer is outside.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from zmqlayer.exceptions import ChannelFull, ZmqLayerError
from zmqlayer.messages import Message as Content
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.receipts import Receipt

__all__ = ["HELD_LIMIT", "Outbox", "Send", "current_outbox"]

logger = logging.getLogger(__name__)

Send = Callable[[str, Content], None]
"""``send`` or ``send_group`` of a channel layer: a name and a message."""

HELD_LIMIT: Final = 10_000
"""How many messages one run of a consumer may hold back."""


@dataclass(frozen=True, slots=True)
class _Held:
    send: Send
    name: str
    content: Content


class Outbox:
    """
    The messages one run of a consumer has sent, and how long to insist where a channel is full.

    Args:
        consumer: The consumer's name, for the log.
        receipt: What the server of a WebSocket is told of the consumed message; None if no server waits for that.
    """

    def __init__(self, patience: Patience, consumer: str, receipt: Receipt | None = None) -> None:
        self.patience = patience
        self.consumer = consumer
        self.receipt = receipt
        self._held: list[_Held] = []

    def __repr__(self) -> str:
        return f"<Outbox of {self.consumer} [{len(self._held)} held]>"

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold back what is sent in this context."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def hold(self, send: Send, name: str, content: Content) -> None:
        """
        Keep a copy of *content* for :meth:`flush`.

        Raises:
            ChannelFull: More than ``HELD_LIMIT`` messages are held.
        """
        if len(self._held) >= HELD_LIMIT:
            raise ChannelFull(name, HELD_LIMIT)
        self._held.append(_Held(send, name, copy.deepcopy(content)))

    def send_now(self, send: Send, name: str, content: Content) -> None:
        """
        Send a message that cannot wait for the consumer's end.

        Raises:
            ChannelFull, MessageTooLarge: The layer says so.
        """
        if self.receipt is not None and name == self.receipt.channel:
            content = self.receipt.on_the_way(content)
        send(name, content)

    def discard(self) -> None:
        """Drop what is held."""
        self._held.clear()

    def flush(self) -> None:
        """
        Send what is held, in the order in which it was sent; the consumer has ended.

        Full channels are tried again for ``patience.flush_s`` seconds in all; then their messages are
        dropped with a warning. Never raises an error of the layer.
        """
        taken, self._held = self._held, []
        if self.receipt is not None:
            taken = _signed(taken, self.receipt)
        deadline = self.patience.clock() + self.patience.flush_s
        for held in taken:
            self._deliver(held, deadline)

    def _deliver(self, held: _Held, deadline: float) -> None:
        try:
            self.patience.insist(lambda: held.send(held.name, held.content), deadline)
        except ChannelFull as exc:
            logger.warning("dropped a message of consumer %s: %s", self.consumer, exc)
        except ZmqLayerError as exc:
            logger.error("consumer %s sent to %r what cannot be sent: %s", self.consumer, held.name, exc)


def _signed(held: list[_Held], receipt: Receipt) -> list[_Held]:
    """Return *held* with the receipt on the very last message, which is added if it would go elsewhere."""
    if held and held[-1].name == receipt.channel:
        *others, last = held
    else:
        others, last = held, _Held(receipt.send, receipt.channel, {})
    return [*others, _Held(last.send, last.name, receipt.at_the_end(last.content))]


_current: ContextVar[Outbox | None] = ContextVar("zmqlayer.worker.outbox", default=None)


def current_outbox() -> Outbox | None:
    """Return the outbox of the consumer that is running in this context, if one is."""
    return _current.get()
