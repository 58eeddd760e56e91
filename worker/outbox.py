"""
What a consumer sends is held until the consumer ends.

So nobody can react to a message before the consumer that sent it has finished and, with it, its
transaction. What was sent before an exception still goes out, as the rows written before it stay
written; only ``ConsumeLater`` drops it, because that consumer runs again from its start.

With the last message goes the receipt that a WebSocket's server waits for, see :mod:`zmqlayer.worker.receipts`.

The outbox of the running consumer is a context variable: it follows the consumer to an event loop and
through ``async_to_sync``, and never reaches another thread's consumer. Outside a consumer there is none, and
:class:`~zmqlayer.worker.channel.Channel` sends at once. A thread started by a consumer is outside, and so is a task
from the moment on at which its consumer has ended.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Final, NamedTuple, Protocol, Self

from zmqlayer.exceptions import ChannelFull, ZmqLayerError
from zmqlayer.messages import Message as Content
from zmqlayer.worker.exceptions import OutboxFull
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.receipts import Receipt

__all__ = ["HELD_LIMIT", "Outbox", "Target", "current_outbox"]

logger = logging.getLogger(__name__)

HELD_LIMIT: Final = 10_000
"""How many messages one run of a consumer may hold back."""


class Target(Protocol):
    """Where a message goes: a channel or a group on its layer."""

    name: str

    def deliver(self, content: Content) -> None:
        """Send *content* at once, or raise what the layer raises."""

    async def adeliver(self, content: Content) -> None:
        """Send *content* at once, from a coroutine."""


class _Held(NamedTuple):
    target: Target
    content: Content


class Outbox:
    """
    The messages one run of a consumer has sent, and how long to insist where a channel is full.

    Args:
        consumer: The consumer's name, for the log.
        receipt: What the server of a WebSocket is told of the consumed message; None if no server waits for that.

    Attributes:
        is_over: Whether the consumer has ended, so that nobody sends any more what is held back.
    """

    def __init__(self, patience: Patience, consumer: str, receipt: Receipt[Target] | None = None) -> None:
        self.patience = patience
        self.consumer = consumer
        self.receipt = receipt
        self.is_over = False
        self._held: list[_Held] = []
        self._said: dict[str, Content] = {}
        self._shut: dict[str, bool] = {}
        self._refused: set[str] = set()

    def __repr__(self) -> str:
        return f"<Outbox of {self.consumer} [{len(self._held)} held]>"

    def __enter__(self) -> Self:
        """Hold back what is sent in this context, inside the ``with``."""
        self._token = _current.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _current.reset(self._token)

    def said_to(self, name: str) -> Content | None:
        """Return what the consumer sent last to *name*, at once or for its end; None if nothing."""
        return self._said.get(name)

    def has_shut(self, name: str) -> bool:
        """Whether the consumer refused or closed, by anything it sent to *name*, the WebSocket behind that."""
        return name in self._shut

    def has_refused(self, name: str) -> bool:
        """Whether what the consumer sent first to *name* refuses the WebSocket behind that, if it is not open yet."""
        return self._shut.get(name, False)

    def was_refused(self, name: str) -> bool:
        """Whether something the consumer sent to *name* could not be sent at all: too large, or no message."""
        return name in self._refused

    def hold(self, target: Target, content: Content, *, is_last: bool = False) -> None:
        """
        Keep a copy of *content* for the consumer's end.

        Args:
            is_last: It is the worker's own word at the end, for which there is always room.

        Raises:
            OutboxFull: ``HELD_LIMIT`` messages are held.
        """
        if len(self._held) >= HELD_LIMIT and not is_last:
            raise OutboxFull(target.name, HELD_LIMIT, self.consumer)
        kept = copy.deepcopy(content)
        self._note(target, kept)
        self._held.append(_Held(target, kept))

    def send_now(self, target: Target, content: Content) -> None:
        """
        Send a message that cannot wait for the consumer's end.

        Raises:
            ChannelFull, MessageTooLarge: The layer says so.
        """
        target.deliver(self._on_the_way(target, content))

    async def asend_now(self, target: Target, content: Content) -> None:
        """Send a message that cannot wait for the consumer's end, from a coroutine."""
        await target.adeliver(self._on_the_way(target, content))

    def discard(self) -> None:
        """Drop what is held; the consumer has ended."""
        self.is_over = True
        self._held.clear()

    def flush(self) -> None:
        """
        Send what is held, in the order in which it was sent; the consumer has ended.

        Full channels are tried again for ``patience.flush_s`` seconds in all; then their messages are
        dropped with a warning. Never raises an error of the layer.
        """
        self.is_over = True
        if not self._held and self.receipt is None:
            return
        deadline = self.patience.clock() + self.patience.flush_s
        for held in self._take():
            with self._logged(held):
                self.patience.insist(partial(held.target.deliver, held.content), deadline)

    async def aflush(self) -> None:
        """Send what is held, as :meth:`flush` does, from a coroutine."""
        self.is_over = True
        deadline = self.patience.clock() + self.patience.flush_s
        for held in self._take():
            with self._logged(held):
                await self.patience.ainsist(partial(held.target.adeliver, held.content), deadline)

    def _on_the_way(self, target: Target, content: Content) -> Content:
        self._note(target, content)
        if self.receipt is not None and target.name == self.receipt.target.name:
            return self.receipt.on_the_way(content)
        return content

    def _note(self, target: Target, content: Content) -> None:
        # Whatever follows: no word opens a WebSocket again.
        if content.get("accept") is False or content.get("close", False) not in (None, False):
            self._shut.setdefault(target.name, target.name not in self._said and not _opens(content))
        self._said[target.name] = content

    def _take(self) -> list[_Held]:
        taken, self._held = self._held, []
        return taken if self.receipt is None else _signed(taken, self.receipt)

    @contextmanager
    def _logged(self, held: _Held) -> Iterator[None]:
        try:
            yield
        except ChannelFull as exc:
            logger.warning("dropped a message of consumer %s: %s", self.consumer, exc)
        except ZmqLayerError as exc:
            self._refused.add(held.target.name)
            logger.error("consumer %s sent to %r what cannot be sent: %s", self.consumer, held.target.name, exc)


def _opens(content: Content) -> bool:
    """Whether *content* opens a WebSocket that waits for an answer, before anything else that it does."""
    accept = content.get("accept")
    return bool(accept) if accept is not None else any(content.get(key) for key in ("text", "bytes"))


def _signed(held: list[_Held], receipt: Receipt[Target]) -> list[_Held]:
    """Return *held* with the receipt on the very last message, which is added if it would go elsewhere."""
    if held and held[-1].target.name == receipt.target.name:
        *others, last = held
    else:
        others, last = held, _Held(receipt.target, {})
    return [*others, _Held(last.target, receipt.at_the_end(last.content))]


_current: ContextVar[Outbox | None] = ContextVar("zmqlayer.worker.outbox", default=None)


def current_outbox() -> Outbox | None:
    """Return the outbox of the consumer that is running in this context, if one is."""
    outbox = _current.get()
    return None if outbox is None or outbox.is_over else outbox
