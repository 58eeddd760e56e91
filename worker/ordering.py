"""
``enforce_ordering``: whose turn it is among the messages of one connection.

Servers number the messages of a connection. One that keeps a single message in flight says so: its messages carry
``consumed``, the number of the last one whose consumer has ended, and nothing is to be done. Messages of others meet at
the rows of :mod:`zmqlayer.worker.parking`. The decorator itself is in :mod:`zmqlayer.worker.sessions`.
"""

from __future__ import annotations

import logging
from typing import Final

from asgiref.sync import sync_to_async

from zmqlayer.exceptions import ChannelFull
from zmqlayer.messages import WEBSOCKET_DISCONNECT
from zmqlayer.messages import Message as Content
from zmqlayer.worker.channel import Channel
from zmqlayer.worker.decoration import Surrounding
from zmqlayer.worker.exceptions import ConsumeLater, WebsocketCloseException
from zmqlayer.worker.message import Message
from zmqlayer.worker.outbox import current_outbox
from zmqlayer.worker.overdue import overdue
from zmqlayer.worker.parking import TURN, Parked, Place, Waiting

__all__ = ["Turn", "forget_turns"]

logger = logging.getLogger(__name__)

POLICY_VIOLATION: Final = 1008


class Turn(Surrounding):
    """Runs a consumer when it is its message's turn, and has the next message called at the end."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self._order = _order_of(message)
        self._is_outermost = vars(message).setdefault("turn", self) is self

    def begin(self) -> None:
        if not self._is_free:
            self._claim()

    async def abegin(self) -> None:
        if not self._is_free:
            await sync_to_async(self._claim)()

    def end(self, error: BaseException | None) -> None:
        if not self._is_followed:
            return
        call, outbox = _Call(self.message, self._order + 1), current_outbox()
        if isinstance(error, ConsumeLater):
            if self.message.__doomed__:
                call.try_to_deliver()  # all that was held is dropped
        elif outbox is None:
            call.try_to_deliver()
        else:
            # After the session is saved and the consumer's answers are sent: so they are in order too.
            outbox.hold(call, {}, is_last=True)

    async def aend(self, error: BaseException | None) -> None:
        if isinstance(error, ConsumeLater) or current_outbox() is None:
            await sync_to_async(self.end)(error)
        else:
            self.end(error)

    @property
    def _is_free(self) -> bool:
        """Whether nothing has to be asked: the message says itself that it is its turn."""
        message = self.message
        # What follows the handshake is only sent when the handshake was answered.
        is_known = self._order <= 1 or TURN in message or _is_told(message, self._order)
        return is_known or not self._is_outermost

    @property
    def _is_followed(self) -> bool:
        """Whether there may be a next message, and it has to be told."""
        is_inside = self._order > 0 and self.message.channel_name != WEBSOCKET_DISCONNECT
        return self._is_outermost and is_inside and not _is_told(self.message, self._order)

    def _claim(self) -> None:
        reply_channel = str(self.message.reply_channel)
        if not overdue.has_room(reply_channel) and self.message.channel_name != WEBSOCKET_DISCONNECT:
            logger.warning("closed %s: too many of its messages wait for their turn", reply_channel)
            raise WebsocketCloseException(POLICY_VIOLATION)
        if not Place(reply_channel, self._order).claim(self.message.channel_name, self.message.content):
            overdue.watch(self.message.channel_layer, reply_channel, self._order)
            raise Parked
        self.message[TURN] = True


class _Call:
    """Calls the message at one place; among what a consumer sends, it is the last thing to leave."""

    def __init__(self, message: Message, order: int) -> None:
        self.name = f"the place of message {order}"
        self._layer = message.channel_layer
        self._place = Place(str(message.reply_channel), order)
        self._is_called = False
        self._waiting: Waiting | None = None

    def deliver(self, content: Content) -> None:
        """
        Say that the turn has come, and send the message on if it waits; call it again if the channel was full.

        What goes wrong otherwise is logged: the consumer has ended and is not to blame.
        """
        try:
            if not self._is_called:
                self._waiting = self._place.call()
                self._is_called = True
            if self._waiting is not None:
                Channel(self._waiting.channel, channel_layer=self._layer).deliver(self._waiting.content)
        except ChannelFull:
            raise
        except Exception:
            logger.exception("message %d of %s could not be told that it is its turn", *reversed(self._place))

    async def adeliver(self, content: Content) -> None:
        """Say that the turn has come, from a coroutine."""
        await sync_to_async(self.deliver)(content)

    def try_to_deliver(self) -> None:
        """Say that the turn has come, once."""
        try:
            self.deliver({})
        except ChannelFull as exc:
            logger.warning("dropped a message that had waited for its turn: %s", exc)


def forget_turns(message: Message) -> None:
    """Remove what was written for a ``websocket.disconnect`` whose consumer does not mind its turn."""
    order = message.get("order")
    if isinstance(order, int) and order > 1 and TURN not in message and "consumed" not in message:
        Place(str(message.reply_channel), order).forget()


def _order_of(message: Message) -> int:
    order = message.get("order")
    if not isinstance(order, int) or message.reply_channel is None:
        raise ValueError(
            f"a message on {message.channel_name} has no order and reply channel, so it has no place among others; "
            f"use enforce_ordering only for messages of a WebSocket"
        )
    return order


def _is_told(message: Message, order: int) -> bool:
    """Whether the server keeps one message in flight, and all before this one are consumed."""
    consumed = message.get("consumed")
    return isinstance(consumed, int) and consumed >= order - 1
