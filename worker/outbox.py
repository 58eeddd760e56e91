"""
What a consumer sends is held until the consumer ends.

So nobody can react to a message before the consumer that sent it has finished and, with it, its
transaction. What was sent before an exception still goes out, as the rows written before it stay
written; only ``ConsumeLater`` drops it, because that consumer runs again from its start.

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
    """

    def __init__(self, patience: Patience, consumer: str) -> None:
        self.patience = patience
        self.consumer = consumer
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

    def discard(self) -> None:
        """Drop what is held."""
        self._held.clear()

    def flush(self) -> None:
        """
        Send what is held, in the order in which it was sent.

        Full channels are tried again for ``patience.flush_s`` seconds in all; then their messages are
        dropped with a warning. Never raises an error of the layer.
        """
        taken, self._held = self._held, []
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


_current: ContextVar[Outbox | None] = ContextVar("zmqlayer.worker.outbox", default=None)


def current_outbox() -> Outbox | None:
    """Return the outbox of the consumer that is running in this context, if one is."""
    return _current.get()
