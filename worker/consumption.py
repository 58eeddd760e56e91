"""
One message on its way through its consumer: what is called, what an exception means, what leaves at the end.

::

    begin ── the consumer returned ──────────────────────► settle ─► leave
          └─ it returned a coroutine ─► finish (on a loop) ─► settle ─► leave

A consumer is called in a worker's thread. If that gives a coroutine, the rest happens on the worker's event loop, in
the same context. Used by :class:`zmqlayer.worker.worker.Worker` alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from asgiref.sync import sync_to_async

from zmqlayer.exceptions import ChannelFull
from zmqlayer.worker.connections import KEPT, OWN, Connections
from zmqlayer.worker.exceptions import ChannelSocketException, ConsumeLater, RequestAborted, StopConsumer
from zmqlayer.worker.failures import answer_to_failure, is_awaited
from zmqlayer.worker.message import Message
from zmqlayer.worker.outbox import Outbox
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.receipts import read_receipt
from zmqlayer.worker.routing import Match
from zmqlayer.worker.signals import consumer_finished, consumer_started

__all__ = ["MESSAGE_RETRIES", "Consumption"]

logger = logging.getLogger("zmqlayer.worker")

MESSAGE_RETRIES: Final = 10
RETRY_FIRST_S: Final = 0.005
RETRY_MOST_S: Final = 0.25


class Consumption:
    """
    One message and the consumer it goes to.

    Args:
        sender: The sender of the signals around the consumer.
        message_retries: How often the message may raise ``ConsumeLater`` before it is dropped.
        connections: Of the database; those of a consumer that minds them itself are left to it.
        propagate: Whether an exception of the consumer comes out of :meth:`begin` or its coroutine, after all else is
            done, and is neither logged nor told to the client.

    Attributes:
        context: Where the coroutine that :meth:`begin` returned has to run; None before.
    """

    def __init__(
        self,
        message: Message,
        match: Match,
        patience: Patience,
        sender: type,
        message_retries: int = MESSAGE_RETRIES,
        connections: Connections = OWN,
        propagate: bool = False,
    ) -> None:
        self.message = message
        self.context: contextvars.Context | None = None
        self._match = match
        self._name = match.name
        self._connections = KEPT if match.minds_connections else connections
        self._patience = patience
        self._sender = sender
        self._retries = message_retries
        self._propagate = propagate
        self._error: BaseException | None = None
        self._is_put_off = False
        receipt = read_receipt(message.reply_channel, message.channel_name, message.content)
        self._outbox = Outbox(patience, self._name, receipt)
        message.__doomed__ = self._tries >= message_retries

    def __repr__(self) -> str:
        return f"<Consumption of {self.message!r} by {self._name}>"

    def begin(self) -> Coroutine[Any, Any, None] | None:
        """Call the consumer, and return what is left to do on an event loop; None if everything is done."""
        logger.debug("< %s to %s", self.message, self._name)
        is_async = self._match.is_async
        with self._outbox:
            if not is_async:
                self._connections.before()
                consumer_started.send_robust(sender=self._sender, message=self.message)
            try:
                result = self._match.call(self.message)
            except BaseException as exc:  # SystemExit too: it would end the thread in silence
                if isinstance(exc, KeyboardInterrupt) and _is_for_us():
                    raise
                self._settle(exc)
            else:
                if result is not None and inspect.iscoroutine(result):
                    self.context = contextvars.copy_context()
                    return self._finish(result)
                self._judge(result)
            consumer_finished.send_robust(sender=self._sender, message=self.message)
            self._connections.after()
        self._leave()
        return None

    async def _finish(self, result: Coroutine[Any, Any, Any]) -> None:
        if self._match.is_async:
            await self._mind(self._connections.before)
            await consumer_started.asend_robust(sender=self._sender, message=self.message)
        try:
            self._judge(await result)
        except asyncio.CancelledError as exc:
            if _is_cancelled():
                logger.warning("consumer %s did not end in time and is cut off", self._name)
                raise
            self._settle(exc)  # it awaited somebody else who was
        except BaseException as exc:  # noqa: BLE001  # SystemExit too: out of a task it would end the loop of all
            self._settle(exc)
        await consumer_finished.asend_robust(sender=self._sender, message=self.message)
        await self._mind(self._connections.after)
        await self._aleave()

    async def _mind(self, connections: Callable[[], None]) -> None:
        if self._connections is not KEPT:
            await sync_to_async(connections)()  # where coroutines have theirs

    # What the consumer's end means.

    def _settle(self, exc: BaseException) -> None:
        """Do what the consumer asked for by raising *exc*, or take it for a failure."""
        match exc:
            case ConsumeLater():
                self._is_put_off = True
            case StopConsumer() | RequestAborted():
                pass
            case ChannelSocketException():
                try:
                    exc.run(self.message)
                except Exception as wrong:  # noqa: BLE001  # it is logged, and told
                    self._fail(wrong)
            case _:
                self._fail(exc)

    def _fail(self, exc: BaseException) -> None:
        self._error = exc
        if not self._propagate:
            logger.error("consumer %s failed on a message on %s", self._name, self.message.channel, exc_info=exc)
            self._tell_failure()

    def _judge(self, result: object) -> None:
        """Complain about what a consumer returned: nobody reads it, and who wrote that may believe otherwise."""
        if result is None:
            return
        logger.error(
            "consumer %s returned %s, which nobody reads: what a consumer has to say it sends, "
            "for example with message.reply_channel.send()", self._name, _kind(result),
        )  # fmt: skip
        reply = self.message.reply_channel
        if is_awaited(self.message.channel.name) and reply and self._outbox.said_to(reply.name) is None:
            self._tell_failure()

    def _tell_failure(self) -> None:
        """Let the client know that nothing sensible follows."""
        reply = self.message.reply_channel
        if reply is None or not self.message.channel_layer.is_open(reply.name):
            return
        answer = answer_to_failure(self.message.channel.name, self._outbox.said_to(reply.name))
        if answer is not None:
            self._outbox.hold(reply, answer, is_last=True)

    # What leaves at the end.

    def _leave(self) -> None:
        if self._is_put_off and (again := self._put_off()):
            self._patience.pause(self._pause_s)
            try:
                self._patience.insist(partial(self.message.channel.deliver, again), self._deadline)
            except ChannelFull as exc:
                self._give_up(exc)
            else:
                return
        self._outbox.flush()
        if self._was_refused():
            self._outbox.flush()
        self._propagate_error()

    async def _aleave(self) -> None:
        if self._is_put_off and (again := self._put_off()):
            await self._patience.apause(self._pause_s)
            try:
                await self._patience.ainsist(partial(self.message.channel.adeliver, again), self._deadline)
            except ChannelFull as exc:
                self._give_up(exc)
            else:
                return
        await self._outbox.aflush()
        if self._was_refused():
            await self._outbox.aflush()
        self._propagate_error()

    def _put_off(self) -> dict[str, Any] | None:
        """Forget what the consumer sent, and return the message for another try; None if there were too many."""
        self._outbox.discard()
        if self._tries >= self._retries:
            logger.warning(
                "dropped a message on %r: its consumer asked %d times for later",
                self.message.channel.name, self._tries + 1,
            )  # fmt: skip
            return None
        return {**self.message.content, "__retries__": self._tries + 1}

    def _give_up(self, exc: ChannelFull) -> None:
        logger.warning("dropped a message for which its consumer asked for later: %s", exc)

    def _was_refused(self) -> bool:
        """Whether the client misses an answer that could not be sent, and is told so now."""
        reply = self.message.reply_channel
        if reply is None or not self._outbox.was_refused(reply.name):
            return False
        self._tell_failure()
        return True

    def _propagate_error(self) -> None:
        if self._propagate and self._error is not None:
            raise self._error

    @property
    def _tries(self) -> int:
        tries = self.message.get("__retries__", 0)
        return tries if isinstance(tries, int) else 0

    @property
    def _pause_s(self) -> float:
        # Ten tries in a row would all be over before whatever the consumer waits for can happen.
        return float(min(RETRY_FIRST_S * 2 ** (self._tries + 1), RETRY_MOST_S))

    @property
    def _deadline(self) -> float:
        return self._patience.clock() + self._patience.flush_s


def _is_for_us() -> bool:
    """Whether a KeyboardInterrupt is somebody's Ctrl-C: Python raises that in the main thread only."""
    return threading.current_thread() is threading.main_thread()


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _kind(value: object) -> str:
    return f"an object of type {type(value).__name__}"
