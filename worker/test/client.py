"""``Client``: sends messages, has them consumed as a worker does, and reads what comes back."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from zmqlayer.messages import Message as Content
from zmqlayer.worker.channel import Group
from zmqlayer.worker.connections import KEPT
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, WorkerLayer, get_channel_layer
from zmqlayer.worker.loop import ConsumerLoop
from zmqlayer.worker.message import Message
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.routing import Consumer, Router
from zmqlayer.worker.test.routes import router_for
from zmqlayer.worker.worker import Worker

__all__ = ["Client", "next_message", "without_receipt"]


class Client:
    """
    Somebody with a reply channel.

    Nothing runs by itself: a message is consumed when the test says so, in the test's own thread, and what the
    consumer raises comes out there. A consumer's own messages wait for :meth:`consume` in turn.

    Args:
        alias: Which of ``CHANNEL_LAYERS`` to use.

    Attributes:
        reply_channel: Where answers are read.
    """

    reply_pattern = "test.client!"

    def __init__(self, alias: str = DEFAULT_CHANNEL_LAYER) -> None:
        self.alias = alias
        self.reply_channel = self.channel_layer.new_channel(self.reply_pattern)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.reply_channel}>"

    @property
    def channel_layer(self) -> WorkerLayer:
        """The layer that is used."""
        return get_channel_layer(self.alias)

    def send(self, to: str, content: Content | None = None) -> None:
        """
        Send one message, with this client's reply channel if it names none.

        Raises:
            ChannelFull, MessageTooLarge, InvalidMessage, InvalidName: As the layer does.
        """
        self.channel_layer.send(to, {"reply_channel": self.reply_channel, **copy.deepcopy(content or {})})

    def consume(self, channel: str, fail_on_none: bool = True) -> bool:
        """
        Have the next message of *channel* consumed.

        Returns:
            Whether there was a message.

        Raises:
            AssertionError: There is none, or no route wants it, and *fail_on_none*.
            Exception: Whatever the consumer raises that is no word to its worker.
        """
        found = self._take(channel, fail_on_none)
        if found is None:
            return False
        with _open_connections():
            self._begin(*found).finish()
        return True

    async def aconsume(self, channel: str, fail_on_none: bool = True) -> bool:
        """
        Have the next message of *channel* consumed, from a coroutine; everything else is as for :meth:`consume`.

        A consumer that is a coroutine runs on the loop of the test, any other one where Django runs what blocks.
        """
        found = self._take(channel, fail_on_none)
        if found is None:
            return False
        with _open_connections():
            rest = await sync_to_async(self._begin)(*found)
            await rest.afinish()
        return True

    def send_and_consume(self, channel: str, content: Content | None = None, fail_on_none: bool = True) -> bool:
        """Send one message and have it consumed; see :meth:`send` and :meth:`consume`."""
        self.send(channel, content)
        return self.consume(channel, fail_on_none)

    async def asend_and_consume(self, channel: str, content: Content | None = None, fail_on_none: bool = True) -> bool:
        """Send one message and have it consumed, from a coroutine; see :meth:`send` and :meth:`aconsume`."""
        self.send(channel, content)
        return await self.aconsume(channel, fail_on_none)

    def receive(self) -> Content | None:
        """Return what came next on the reply channel, or None if nothing did."""
        message = self.get_next_message(self.reply_channel)
        return None if message is None else message.content

    def get_next_message(self, channel: str, require: bool = False) -> Message | None:
        """
        Take the next message of *channel*; None if there is none.

        Raises:
            AssertionError: There is none, and *require*.
        """
        return next_message(channel, self.alias, require)

    def get_consumer_by_channel(self, channel: str) -> Consumer | None:
        """Return the consumer that a message on *channel* goes to, if it has nothing to filter by; None without one."""
        match = router_for(self.alias).match(Message({"text": ""}, channel, self.channel_layer))
        return None if match is None else match.consumer

    def join_group(self, group: str) -> None:
        """Make the reply channel a member of *group*, so that :meth:`receive` reads what is sent there."""
        Group(group, alias=self.alias).add(self.reply_channel)

    def _take(self, channel: str, fail_on_none: bool) -> tuple[Message, Router] | None:
        """Return the next message that has a route, and the router that knows it."""
        message = self.get_next_message(channel, require=fail_on_none)
        if message is None:
            return None
        router = router_for(self.alias)
        if router.match(message) is not None:
            return message, router
        if fail_on_none:
            raise AssertionError(f"no route wants {message!r}; the routing has {', '.join(sorted(router.channels))}")
        return None

    def _begin(self, message: Message, router: Router) -> _Rest:
        """Call the consumer of *message*, and return what is left to do on an event loop."""
        rest = _Rest()
        patience = Patience(flush_s=0.0)
        worker = Worker(self.channel_layer, router, patience=patience, loop=rest, connections=KEPT)
        contextvars.copy_context().run(worker.consume, message.channel.name, message.content, propagate=True)
        return rest


class _Rest(ConsumerLoop):
    """What is left of a consumer when it has been called, if it is a coroutine; it runs where the test says."""

    def __init__(self) -> None:
        super().__init__(time.monotonic)
        self._left: list[tuple[Coroutine[Any, Any, None], contextvars.Context]] = []

    def spawn(self, coroutine: Coroutine[Any, Any, None], context: contextvars.Context) -> None:
        self._left.append((coroutine, context))

    def finish(self) -> None:
        """Run it on a loop of its own; the caller waits, and runs its synchronous code in the caller's thread."""
        for coroutine, context in self._left:
            context.run(async_to_sync(_await, force_new_loop=True), coroutine)

    async def afinish(self) -> None:
        """Run it on the loop of the caller."""
        for coroutine, context in self._left:
            await asyncio.get_running_loop().create_task(coroutine, context=context)


async def _await(coroutine: Coroutine[Any, Any, None]) -> None:
    await coroutine


@contextmanager
def _open_connections() -> Iterator[None]:
    """Keep database connections from being closed between messages: a test may be in a transaction of its own."""
    cut = [signal for signal in (request_started, request_finished) if signal.disconnect(close_old_connections)]
    try:
        yield
    finally:
        for signal in cut:
            signal.connect(close_old_connections)


def next_message(channel: str, alias: str = DEFAULT_CHANNEL_LAYER, require: bool = False) -> Message | None:
    """
    Take the next message of *channel*; None if there is none.

    Raises:
        AssertionError: There is none, and *require*.
    """
    layer = get_channel_layer(alias)
    _, content = layer.receive([channel])
    if content is None:
        if require:
            raise AssertionError(f"a message was expected on {channel!r}, and none is there")
        return None
    return Message(content, channel, layer)


def without_receipt(content: dict[str, Any]) -> dict[str, Any]:
    """Return *content* without what workers tell servers about their progress."""
    return {key: value for key, value in content.items() if key != "consumed"}
