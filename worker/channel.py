"""``Channel`` and ``Group``: names to send to. Used by consumers, views and scripts alike."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Final

from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils.asyncio import async_unsafe

from zmqlayer.exceptions import InvalidMessage
from zmqlayer.messages import Message as Content
from zmqlayer.names import check_channel, check_group
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, WorkerLayer, get_channel_layer
from zmqlayer.worker.outbox import current_outbox

__all__ = ["Channel", "Group"]

WAITS: Final = "waits for other processes, which would stop the event loop"


class _Target(ABC):
    """A name on a layer that is looked up when it is first needed."""

    def __init__(self, name: str, alias: str, channel_layer: WorkerLayer | None) -> None:
        self.name = name
        self.alias = alias
        if channel_layer is not None:
            self.channel_layer = channel_layer

    @cached_property
    def channel_layer(self) -> WorkerLayer:
        """The layer this name belongs to."""
        return get_channel_layer(self.alias)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def send(self, content: Content, immediately: bool = False, on_commit: bool = False) -> None:
        """
        Send one message.

        In a consumer it goes out when the consumer ends, and full channels are then retried for a
        while; elsewhere, or with *immediately*, it goes out now.

        Args:
            on_commit: Do so only when the transaction of the default database that is open here is committed, and
                never if it is rolled back. Django logs what goes wrong then.

        Raises:
            InvalidMessage: *content* is not a dict.
            ChannelFull, MessageTooLarge: Only where a message goes out now, and never for a group that is full.
            OutboxFull: 10,000 messages wait for the consumer's end already.
        """
        _check(content)
        if on_commit:
            transaction.on_commit(self._sending(content, immediately), robust=True)
            return
        outbox = current_outbox()
        if outbox is None:
            self.deliver(content)
        elif immediately:
            outbox.send_now(self, content)
        else:
            outbox.hold(self, content)

    async def asend(self, content: Content, immediately: bool = False, on_commit: bool = False) -> None:
        """Send one message from a coroutine; everything else is as for :meth:`send`."""
        _check(content)
        outbox = current_outbox()
        if on_commit:
            await sync_to_async(self.send)(content, immediately, on_commit=True)
        elif outbox is None:
            await self.adeliver(content)
        elif immediately:
            await outbox.asend_now(self, content)
        else:
            outbox.hold(self, content)

    def _sending(self, content: Content, immediately: bool) -> Callable[[], None]:
        """Return what sends *content* as it is now."""
        kept = copy.deepcopy(content)

        def send() -> None:
            self.send(kept, immediately)

        return send

    @abstractmethod
    def deliver(self, content: Content) -> None:
        """Give *content* to the layer, past everything that holds messages back."""

    @abstractmethod
    async def adeliver(self, content: Content) -> None:
        """Give *content* to the layer, from a coroutine."""


class Channel(_Target):
    """
    A channel to send to.

    Args:
        name: A channel name; ASCII bytes are accepted.
        alias: Which of ``settings.CHANNEL_LAYERS`` to use.
        channel_layer: The layer to use in place of *alias*.

    Raises:
        InvalidName: *name* is outside the grammar of channel names.
    """

    def __init__(
        self,
        name: str | bytes,
        alias: str = DEFAULT_CHANNEL_LAYER,
        channel_layer: WorkerLayer | None = None,
    ) -> None:
        super().__init__(check_channel(_text(name)), alias, channel_layer)

    def deliver(self, content: Content) -> None:
        self.channel_layer.send(self.name, content)

    async def adeliver(self, content: Content) -> None:
        self.channel_layer.send(self.name, content)  # it never blocks


class Group(_Target):
    """
    A group of channels. A member that is full misses a message; that is never an error.

    Args:
        name: A group name; ASCII bytes are accepted.
        alias: Which of ``settings.CHANNEL_LAYERS`` to use.
        channel_layer: The layer to use in place of *alias*.

    Raises:
        InvalidName: *name* is outside the grammar of group names.
    """

    def __init__(
        self,
        name: str | bytes,
        alias: str = DEFAULT_CHANNEL_LAYER,
        channel_layer: WorkerLayer | None = None,
    ) -> None:
        super().__init__(check_group(_text(name)), alias, channel_layer)

    @async_unsafe(f"Group.add() {WAITS}: await aadd() in a coroutine.")
    def add(self, channel: Channel | str) -> None:
        """Make *channel* a member, at once: messages sent to the group from now on reach it."""
        self.channel_layer.group_add(self.name, str(channel))

    async def aadd(self, channel: Channel | str) -> None:
        """Make *channel* a member, from a coroutine."""
        await self.channel_layer.group_add_async(self.name, str(channel))

    @async_unsafe(f"Group.discard() {WAITS}: await adiscard() in a coroutine.")
    def discard(self, channel: Channel | str) -> None:
        """Remove *channel*, at once, if it is a member."""
        self.channel_layer.group_discard(self.name, str(channel))

    async def adiscard(self, channel: Channel | str) -> None:
        """Remove *channel*, from a coroutine."""
        await self.channel_layer.group_discard_async(self.name, str(channel))

    def deliver(self, content: Content) -> None:
        self.channel_layer.send_group(self.name, content)

    async def adeliver(self, content: Content) -> None:
        await self.channel_layer.send_group_async(self.name, content)


def _check(content: object) -> None:
    if not isinstance(content, dict):
        raise InvalidMessage(content, f"is not a message: a dict is needed, not {type(content).__name__}")


def _text(name: str | bytes) -> str:
    return name.decode("ascii", "replace") if isinstance(name, bytes) else name
