"""
The worker: takes messages from a layer, gives each to its consumer, and never ends because of one.

A :class:`Worker` has no thread of its own; any number of threads may be in :meth:`Worker.run`, see
:mod:`zmqlayer.worker.threads`.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import Final

from zmqlayer.exceptions import ChannelFull, LayerClosed
from zmqlayer.messages import Message as Content
from zmqlayer.worker.exceptions import ChannelSocketException, ConsumeLater, RequestAborted, StopConsumer
from zmqlayer.worker.layers import WorkerLayer
from zmqlayer.worker.message import Message
from zmqlayer.worker.outbox import Outbox
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.receipts import read_receipt
from zmqlayer.worker.routing import Match, Router, consumer_name
from zmqlayer.worker.signals import consumer_finished, consumer_started

__all__ = ["MESSAGE_RETRIES", "Worker", "choose_channels"]

logger = logging.getLogger(__name__)

MESSAGE_RETRIES: Final = 10
RETRY_FIRST_S: Final = 0.005
RETRY_MOST_S: Final = 0.25


class Worker:
    """
    Runs consumers on the messages of some channels.

    Args:
        channel_layer: Where messages come from and go to.
        router: Knows the consumers.
        channels: What to read; all channels of the router if None.
        patience: How long to insist when a channel is full.
        message_retries: How often a message may raise ``ConsumeLater`` before it is dropped.
    """

    def __init__(
        self,
        channel_layer: WorkerLayer,
        router: Router,
        channels: Iterable[str] | None = None,
        patience: Patience | None = None,
        message_retries: int = MESSAGE_RETRIES,
    ) -> None:
        self.channel_layer = channel_layer
        self.router = router
        self.channels = sorted(router.channels if channels is None else channels)
        self.patience = patience or Patience()
        self.message_retries = message_retries
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
        """Let every :meth:`run` return after its current message. May be called again to wake late comers."""
        self._stopping.set()
        self.channel_layer.interrupt()

    def consume(self, channel: str, content: Content) -> None:
        """
        Give one message to its consumer, and send what the consumer sent.

        An exception of the consumer is logged. Run this in a context of its own, so that nothing that one
        message sets, such as the active language, is there for the next.

        Raises:
            InvalidName: The message names a reply channel that cannot be.
        """
        message = Message(content, channel, self.channel_layer)
        receipt = read_receipt(self.channel_layer.send, channel, content)
        match = self.router.match(message)
        if match is None:
            logger.error("no route wants a message on %r with %s: dropped", channel, ", ".join(sorted(content)))
            Outbox(self.patience, "none", receipt).flush()
            return
        outbox = Outbox(self.patience, consumer_name(match.consumer), receipt)
        if not self._run_in(outbox, match, message):
            outbox.discard()
            if self._send_back(message):
                return
        outbox.flush()

    def _run_in(self, outbox: Outbox, match: Match, message: Message) -> bool:
        message.__doomed__ = self._tries(message) >= self.message_retries
        with outbox.opened():
            consumer_started.send_robust(sender=type(self), message=message)
            is_done = self._call(match, message)
            consumer_finished.send_robust(sender=type(self), message=message)
        return is_done

    def _call(self, match: Match, message: Message) -> bool:
        name = consumer_name(match.consumer)
        logger.debug("< %s to %s", message, name)
        try:
            self._run_consumer(match, message)
        except ConsumeLater:
            return False
        except Exception:
            logger.exception("consumer %s failed on a message on %s", name, message.channel)
        return True

    def _run_consumer(self, match: Match, message: Message) -> None:
        try:
            match.consumer(message, **match.kwargs)
        except (StopConsumer, RequestAborted):
            return
        except ChannelSocketException as outcome:
            outcome.run(message)

    @staticmethod
    def _tries(message: Message) -> int:
        tries = message.get("__retries__", 0)
        return tries if isinstance(tries, int) else 0

    def _send_back(self, message: Message) -> bool:
        """Let the message be consumed later, and return True; or drop it."""
        tries = self._tries(message) + 1
        channel = message.channel.name
        if tries > self.message_retries:
            logger.warning("dropped a message on %r: its consumer asked %d times for later", channel, tries)
            return False
        # Ten tries in a row would all be over before whatever the consumer waits for can happen.
        self.patience.pause(min(RETRY_FIRST_S * 2**tries, RETRY_MOST_S))
        again = {**message.content, "__retries__": tries}
        deadline = self.patience.clock() + self.patience.flush_s
        try:
            self.patience.insist(partial(self.channel_layer.send, channel, again), deadline)
        except ChannelFull as exc:
            logger.warning("dropped a message for which its consumer asked for later: %s", exc)
            return False
        return True


def choose_channels(channels: Iterable[str], only: Iterable[str] = (), exclude: Iterable[str] = ()) -> list[str]:
    """
    Return those *channels* that some glob of *only* matches (if there is one) and none of *exclude*.

    >>> choose_channels({"http.request", "websocket.connect"}, only=["http.*"])
    ['http.request']
    """
    only, exclude = list(only), list(exclude)
    return sorted(
        channel
        for channel in channels
        if (not only or any(fnmatchcase(channel, glob) for glob in only))
        and not any(fnmatchcase(channel, glob) for glob in exclude)
    )
