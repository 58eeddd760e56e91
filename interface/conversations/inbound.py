"""
From one WebSocket's client to the workers: what it does, in order and one message at a time.

``websocket.connect``, each ``websocket.receive`` and ``websocket.disconnect`` leave here: to the named channels, where
any worker takes them, or to the one worker that invited (``events_channel``). What cannot leave yet waits: because the
consumer of the message before has not ended (``turns``), or because the channel is full. At most one message of the
client waits, and behind it the disconnect.
"""

from __future__ import annotations

from typing import Final, Protocol, cast

from zmqlayer.exceptions import ChannelFull, ZmqLayerError
from zmqlayer.interface.conversations.translate import websocket_disconnect, websocket_receive
from zmqlayer.interface.conversations.turns import Turns
from zmqlayer.interface.countdown import Countdown
from zmqlayer.interface.escaping import log_of
from zmqlayer.interface.options import Context
from zmqlayer.messages import (
    WEBSOCKET_CONNECT,
    WEBSOCKET_DISCONNECT,
    WEBSOCKET_RECEIVE,
    Message,
    WebSocketConnect,
)
from zmqlayer.ports import Entrusted, Loss, Wish

__all__ = ["Inbound", "Sender"]

logger = log_of(__name__)

LONGEST_TURN_S: Final = 120.0
"""
How long a message waits for the consumer of the one before, whose worker should have told of its end; and a disconnect
for room in its channel, where what nobody reads expires in half that time.
"""


class Sender(Protocol):
    """The WebSocket, as its way to the workers sees it."""

    def taken(self) -> None:
        """The message that waited is on its way, or nothing is left to wait for: there is room for the next one."""

    def failed(self, error: ZmqLayerError) -> None:
        """A message cannot be sent at all."""

    def connect_lost(self, loss: Loss) -> None:
        """No worker will answer ``websocket.connect``."""

    def worker_gone(self) -> None:
        """The worker that invited is gone."""

    def ended(self) -> None:
        """Everything was told: the reply channel is not needed any more."""


class _Nobody:
    """The WebSocket of a way that has ended."""

    def taken(self) -> None: ...
    def failed(self, error: ZmqLayerError) -> None: ...
    def connect_lost(self, loss: Loss) -> None: ...
    def worker_gone(self) -> None: ...
    def ended(self) -> None: ...


NOBODY: Final = _Nobody()


class Inbound:
    """The way of one client's messages."""

    __slots__ = (
        "_context",
        "_entrusted",
        "_events_channel",
        "_is_awaited",
        "_is_ended",
        "_is_hurried",
        "_order",
        "_path",
        "_reply_channel",
        "_sender",
        "_timer",
        "_turns",
        "_waiting",
        "_watch",
        "_wish",
    )

    def __init__(self, sender: Sender, context: Context, reply_channel: str, path: str) -> None:
        self._sender: Sender = sender
        self._context = context
        self._reply_channel = reply_channel
        self._path = path
        self._turns = Turns(context.options.websocket_parallel)
        self._order = 0
        self._waiting: list[tuple[str, Message]] = []
        self._events_channel = ""
        self._is_ended = False
        self._is_awaited = False
        self._is_hurried = False
        self._entrusted: Entrusted | None = None
        self._wish: Wish | None = None
        self._watch: Wish | None = None
        self._timer = Countdown(context.reactor)

    def connect(self, message: WebSocketConnect) -> None:
        """
        Ask the workers.

        Raises:
            ZmqLayerError: The message cannot be sent; nobody has heard of this WebSocket.
        """
        self._entrusted = self._context.layer.entrust(WEBSOCKET_CONNECT, cast(Message, message), self._lost)
        self._turns.sent(0)

    def receive(self, payload: str | bytes) -> bool:
        """Pass one message of the client on. False if it waits: the next one must not come before ``taken``."""
        if self._is_ended:
            return True
        self._order += 1
        message = websocket_receive(self._reply_channel, self._path, payload, self._order)
        self._waiting.append((WEBSOCKET_RECEIVE, cast(Message, message)))
        self._send_waiting()
        return not self._waiting

    def disconnect(self, code: int, reason: str = "") -> None:
        """The client is gone: tell the workers, after everything else."""
        if self._is_ended:
            return
        self._order += 1
        message = websocket_disconnect(self._reply_channel, self._path, code, self._order, reason)
        self._waiting.append((WEBSOCKET_DISCONNECT, cast(Message, message)))
        self._send_waiting()

    def answered(self, consumed: int | None) -> None:
        """A worker sent something, and told how far the consumers are, or did not."""
        if self._is_ended:
            return
        self._turns.answered(consumed)
        if self._turns.is_free:
            self._forget()
        self._send_waiting()

    def invite(self, channel: str) -> None:
        """Send everything to the process channel *channel* from now on."""
        if self._is_ended or channel == self._events_channel:
            return
        for wish in (self._watch, self._wish):
            if wish is not None:
                wish.cancel()
        self._wish = None
        self._forget()
        self._watch = self._context.layer.follow(channel, self._gone)
        self._events_channel = channel

    def is_idle(self) -> bool:
        """Whether all that was sent is consumed, as far as that is ever told. If not, ``taken`` follows."""
        self._is_awaited = not self._is_ended and (bool(self._waiting) or not self._may_send)
        self._watch_clock()
        return not self._is_awaited

    def drop_waiting(self) -> None:
        """Nobody wants to hear the client any more."""
        self._waiting.clear()

    def hurry(self) -> None:
        """Wait for no consumer any more, nor with the end for room in the named channel: the server stops."""
        self._is_hurried = True
        self._turns.end()
        self._send_waiting()

    def end(self) -> None:
        """Tell nothing more."""
        if self._is_ended:
            return
        self._is_ended = True
        self._is_awaited = False
        self._waiting.clear()
        self._forget()
        self._timer.stop()
        for wish in (self._wish, self._watch):
            if wish is not None:
                wish.cancel()
        self._wish = self._watch = None
        sender, self._sender = self._sender, NOBODY  # it knows this one, and such a circle waits for the collector
        sender.ended()

    @property
    def _may_send(self) -> bool:
        return self._wish is None and not self._is_ended and (bool(self._events_channel) or self._turns.is_free)

    def _send_waiting(self) -> None:
        """Send what waits, as far as it may go."""
        while self._waiting and self._may_send:
            channel, message = self._waiting.pop(0)
            try:
                self._send(channel, message)
            except ChannelFull as exc:
                if channel != WEBSOCKET_DISCONNECT or self._events_channel or not self._is_hurried:
                    self._waiting.insert(0, (channel, message))
                    self._wish = self._context.layer.when_room(self._events_channel or channel, self._room)
                    break
                self._fail(channel, exc)
            except ZmqLayerError as exc:
                self._fail(channel, exc)
            self._settle(channel)
        if self._is_awaited and not self._waiting and self._may_send:
            self._is_awaited = False
            self._sender.taken()
        self._watch_clock()

    def _send(self, channel: str, message: Message) -> None:
        layer = self._context.layer
        if self._events_channel:
            layer.send(self._events_channel, {**message, "type": channel})
        elif channel == WEBSOCKET_RECEIVE and self._turns.are_taken:
            self._entrusted = layer.entrust(channel, self._telling(message), self._lost)
        else:
            layer.send(channel, self._telling(message))
        self._turns.sent(message["order"])

    def _telling(self, message: Message) -> Message:
        """Return *message* with how far the consumers are: workers need not keep it in order themselves then."""
        consumed = self._turns.consumed
        return message if consumed is None else {**message, "consumed": consumed}

    def _fail(self, channel: str, error: ZmqLayerError) -> None:
        if channel == WEBSOCKET_DISCONNECT:
            logger.debug("nobody is told that %s is closed: %s", self._reply_channel, error)
        else:
            self._sender.failed(error)

    def _settle(self, channel: str) -> None:
        if channel == WEBSOCKET_DISCONNECT:
            self.end()
        else:
            self._sender.taken()

    def _room(self) -> None:
        self._wish = None
        self._send_waiting()

    def _lost(self, loss: Loss) -> None:
        self._entrusted = None
        if self._turns.is_answered:
            logger.debug("a message of the WebSocket at %s was lost: %s", self._path, loss.value)
        else:
            self._sender.connect_lost(loss)
            if loss is Loss.EXPIRED:  # nobody has seen it, so nobody is told of its end
                self.end()
        self._go_on()

    def _gone(self) -> None:
        self._watch = None
        self._sender.worker_gone()
        self.end()

    def _time_out(self) -> None:
        if self._wish is not None:
            logger.warning("no worker is told that the WebSocket at %s is closed: their channel is full", self._path)
            self.end()
            return
        logger.warning("no worker told within %g s of a message of the WebSocket at %s", LONGEST_TURN_S, self._path)
        self._go_on()

    def _go_on(self) -> None:
        """Take what was sent for consumed."""
        self._turns.give_up()
        self._forget()
        self._send_waiting()

    def _forget(self) -> None:
        if self._entrusted is not None:
            self._entrusted.forget()
            self._entrusted = None

    def _watch_clock(self) -> None:
        """Let no message wait for its turn for ever, and no disconnect for room."""
        if self._wish is not None:
            is_bounded = bool(self._waiting) and self._waiting[0][0] == WEBSOCKET_DISCONNECT
        else:
            is_bounded = not self._may_send and (bool(self._waiting) or self._is_awaited)
        if not is_bounded:
            self._timer.stop()
        elif not self._timer.is_running:
            self._timer.start(LONGEST_TURN_S, self._time_out)
