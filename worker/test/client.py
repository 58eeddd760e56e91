"""``Client``: sends messages, has them consumed as a worker does, and reads what comes back."""

from __future__ import annotations

import contextvars
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from zmqlayer.messages import Message as Content
from zmqlayer.worker.channel import Group
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, WorkerLayer, get_channel_layer
from zmqlayer.worker.message import Message
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.signals import consumer_finished, consumer_started
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
        message = self.get_next_message(channel, require=fail_on_none)
        if message is None:
            return False
        router = router_for(self.alias)
        if router.match(message) is None:
            if fail_on_none:
                raise AssertionError(
                    f"no route wants {message!r}; the routing has {', '.join(sorted(router.channels))}"
                )
            return False
        worker = Worker(self.channel_layer, router, patience=Patience(flush_s=0.0))
        with _open_connections():
            contextvars.copy_context().run(worker.consume, channel, message.content, propagate=True)
        return True

    def send_and_consume(self, channel: str, content: Content | None = None, fail_on_none: bool = True) -> bool:
        """Send one message and have it consumed; see :meth:`send` and :meth:`consume`."""
        self.send(channel, content)
        return self.consume(channel, fail_on_none)

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

    def join_group(self, group: str) -> None:
        """Make the reply channel a member of *group*, so that :meth:`receive` reads what is sent there."""
        Group(group, alias=self.alias).add(self.reply_channel)


@contextmanager
def _open_connections() -> Iterator[None]:
    """Keep database connections from being closed between messages: a test may be in a transaction of its own."""
    signals = (consumer_started, consumer_finished, request_started, request_finished)
    cut = [signal for signal in signals if signal.disconnect(close_old_connections)]
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
