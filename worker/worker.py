"""
The worker: takes messages from a layer, gives each to its consumer, and never ends because of one.

A :class:`Worker` has no thread of its own; any number of threads may be in :meth:`Worker.run`, see
:mod:`zmqlayer.worker.threads`.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Iterable

from zmqlayer.exceptions import LayerClosed
from zmqlayer.messages import Message as Content
from zmqlayer.worker.connections import OWN, Connections
from zmqlayer.worker.consumption import MESSAGE_RETRIES, Consumption
from zmqlayer.worker.layers import WorkerLayer
from zmqlayer.worker.loop import ConsumerLoop
from zmqlayer.worker.message import Message
from zmqlayer.worker.outbox import Outbox
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.receipts import read_receipt
from zmqlayer.worker.routing import Router

__all__ = ["Worker"]

logger = logging.getLogger(__name__)


class Worker:
    """
    Runs consumers on the messages of some channels.

    Args:
        channel_layer: Where messages come from and go to.
        router: Knows the consumers.
        channels: What to read; all channels of the router if None.
        patience: How long to insist when a channel is full.
        message_retries: How often a message may raise ``ConsumeLater`` before it is dropped.
        loop: Where consumers run that are coroutines; if None, each on an event loop of its own while the thread waits.
        connections: Of the database, minded before and after each consumer.
    """

    def __init__(
        self,
        channel_layer: WorkerLayer,
        router: Router,
        channels: Iterable[str] | None = None,
        patience: Patience | None = None,
        message_retries: int = MESSAGE_RETRIES,
        loop: ConsumerLoop | None = None,
        connections: Connections = OWN,
    ) -> None:
        self.channel_layer = channel_layer
        self.router = router
        self.channels = sorted(router.channels if channels is None else channels)
        self.patience = patience or Patience()
        self.message_retries = message_retries
        self.loop = loop
        self._connections = connections
        self._stopping = threading.Event()

    def __repr__(self) -> str:
        state = "stopping" if self.is_stopping else "running"
        return f"<Worker [{state} | {', '.join(self.channels)}]>"

    @property
    def is_stopping(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopping.is_set()

    def run(self) -> None:
        """Consume messages until :meth:`stop` is called or the layer is closed; a message begun is finished."""
        while not self.is_stopping:
            try:
                channel, content = self.channel_layer.receive(self.channels, block=True)
            except LayerClosed:
                return
            if channel is None or content is None:
                continue
            try:
                contextvars.copy_context().run(self.consume, channel, content)
            except Exception:
                logger.exception("a message on %r could not be consumed", channel)

    def stop(self) -> None:
        """
        Let every :meth:`run` return after its current message. May be called again to wake late comers.

        Not from a signal handler, as ``SyncChannelLayer.interrupt``.
        """
        self._stopping.set()
        self.channel_layer.interrupt()

    def consume(self, channel: str, content: Content, *, propagate: bool = False) -> None:
        """
        Give one message to its consumer, and send what the consumer sent.

        An exception of the consumer is logged, and the client told. Run this in a context of its own, so that nothing
        that one message sets, such as the active language, is there for the next. If the consumer is a coroutine and
        the worker has a loop, this returns while it runs there.

        Args:
            propagate: Raise what the consumer raised instead. For tests.

        Raises:
            InvalidName: The message names a reply channel that cannot be.
        """
        message = Message(content, channel, self.channel_layer)
        match = self.router.match(message)
        if match is None:
            logger.error("no route wants a message on %r with %s: dropped", channel, ", ".join(sorted(content)))
            Outbox(self.patience, "none", read_receipt(message.reply_channel, channel, content)).flush()
            return
        consumption = Consumption(
            message, match, self.patience, type(self), self.message_retries, self._connections, propagate
        )
        rest = consumption.begin()
        if rest is None or consumption.context is None:
            return
        if self.loop is not None:
            self.loop.spawn(rest, consumption.context)
        else:
            with asyncio.Runner() as runner:
                runner.run(rest, context=consumption.context)
