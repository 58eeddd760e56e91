"""The mesh's side of one WebSocket: the messages that it becomes, and those that it obeys."""

from __future__ import annotations

import logging
from enum import Enum, auto
from typing import Final, Protocol, cast

from zmqlayer.exceptions import ChannelFull, MessageTooLarge, ZmqLayerError
from zmqlayer.interface.clients.framing import Frames
from zmqlayer.interface.clients.head import Head
from zmqlayer.interface.clients.streams import Socket
from zmqlayer.interface.conversations.replies import BadReply
from zmqlayer.interface.conversations.translate import Ends, websocket_connect, websocket_disconnect, websocket_receive
from zmqlayer.interface.conversations.websocket_replies import (
    Accept,
    Action,
    Close,
    Deny,
    Ignore,
    Send,
    read_handshake_answer,
    read_websocket_send,
)
from zmqlayer.interface.options import Context, Timer
from zmqlayer.messages import (
    WEBSOCKET_CONNECT,
    WEBSOCKET_DISCONNECT,
    WEBSOCKET_RECEIVE,
    WEBSOCKET_SEND_PATTERN,
    Message,
)
from zmqlayer.ports import ReplyChannel

__all__ = ["Opening", "WebSocket"]

logger = logging.getLogger(__name__)

GOING_AWAY: Final = 1001
ABNORMAL: Final = 1006
TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011
TRY_AGAIN_LATER: Final = 1013


class Opening(Protocol):
    """What a WebSocket needs of the request that asked for it."""

    def refuse(self, status: int, sentence: str) -> None: ...
    def accept(self, socket: Socket) -> Frames: ...
    def release(self) -> None: ...


class State(Enum):
    """Where a WebSocket is in its life."""

    NEW = auto()
    CONNECTING = auto()  # the handshake waits for a worker
    OPEN = auto()
    CLOSING = auto()  # we sent a close frame; the client has not answered
    CLOSED = auto()


class Event(Enum):
    """What moves a WebSocket from one state to another."""

    ASKED = auto()  # websocket.connect was sent
    ACCEPTED = auto()
    REFUSED = auto()
    CLOSE_SENT = auto()
    LOST = auto()


TRANSITIONS: Final = {
    (State.NEW, Event.ASKED): State.CONNECTING,
    (State.NEW, Event.REFUSED): State.CLOSED,
    (State.CONNECTING, Event.ACCEPTED): State.OPEN,
    (State.CONNECTING, Event.REFUSED): State.CLOSED,
    (State.CONNECTING, Event.LOST): State.CLOSED,
    (State.OPEN, Event.CLOSE_SENT): State.CLOSING,
    (State.OPEN, Event.LOST): State.CLOSED,
    (State.CLOSING, Event.LOST): State.CLOSED,
}


class WebSocket:
    """
    One WebSocket, from the request that asks for it to the loss of its connection.

    ``websocket.disconnect`` follows every ``websocket.connect`` that a worker can have seen, except where a worker
    itself refused. Messages that arrive once the socket is closing are dropped.
    """

    def __init__(self, opening: Opening, context: Context, head: Head, ends: Ends) -> None:
        self._opening = opening
        self._context = context
        self._head = head
        self._ends = ends
        self._state = State.NEW
        self._reply: ReplyChannel | None = None
        self._frames: Frames | None = None
        self._timer: Timer | None = None
        self._order = 0

    def connect(self) -> None:
        """Ask the workers, and wait for their answer."""
        layer = self._context.layer
        self._reply = layer.open_channel(WEBSOCKET_SEND_PATTERN, self.deliver)
        message = websocket_connect(self._head, self._ends, self._reply.name)
        try:
            layer.send(WEBSOCKET_CONNECT, cast(Message, message))
        except ZmqLayerError as exc:
            logger.debug("503 for the WebSocket of %s: %s", self._reply.name, exc)
            self._refuse(503, "No worker has room for another WebSocket. Please try again.")
        else:
            self._move(Event.ASKED)
            timeout_s = self._context.options.websocket_connect_timeout_s
            self._timer = self._context.reactor.callLater(timeout_s, self._time_out)

    def deliver(self, message: Message) -> None:
        """Do what one message of a worker says."""
        was_connecting = self._state is State.CONNECTING
        try:
            for action in read_handshake_answer(message) if was_connecting else read_websocket_send(message):
                self._perform(action)
        except BadReply as exc:
            self._give_up(exc)
        if was_connecting and self._frames is not None:
            self._opening.release()

    def completed(self) -> None:
        """Nothing to do: the request of a WebSocket has no body."""

    def received(self, payload: str | bytes) -> None:
        """Pass one message of the client on."""
        if self._state is not State.OPEN:
            return
        message = websocket_receive(self._name, self._head.path, payload, self._next_order())
        try:
            self._context.layer.send(WEBSOCKET_RECEIVE, cast(Message, message))
        except MessageTooLarge as exc:
            logger.debug("closing %s with 1009: %s", self._name, exc)
            self._close(TOO_BIG, f"a message may have {exc.limit} bytes with its envelope")
        except ChannelFull as exc:
            logger.debug("closing %s with 1013: %s", self._name, exc)
            self._close(TRY_AGAIN_LATER, "the workers have more messages than they can read")
        except ZmqLayerError as exc:
            logger.debug("closing %s with 1011: %s", self._name, exc)
            self._close(INTERNAL_ERROR, "the server is not connected to its workers")

    def lost(self, code: int) -> None:
        """The connection is gone: tell the workers."""
        if self._state is State.CLOSED:
            return
        self._move(Event.LOST)
        self._silence()
        self._send_disconnect(code)

    def client_gone(self) -> None:
        """The connection was lost before a worker had answered."""
        self.lost(ABNORMAL)

    def stop(self) -> None:
        """The server stops: end the WebSocket so that the client connects again elsewhere."""
        if self._state is State.CONNECTING:
            self._abandon("This server is stopping. Please try again.")
        elif self._state is State.OPEN:
            self._close(GOING_AWAY, "the server is stopping")

    def pauseProducing(self) -> None:
        """Leave messages unread: the client is slow."""
        if self._reply is not None:
            self._reply.pause()

    def resumeProducing(self) -> None:
        """Read on."""
        if self._reply is not None:
            self._reply.resume()

    def stopProducing(self) -> None:
        """Nothing to do: the loss of the connection is told by :meth:`lost`."""

    @property
    def _name(self) -> str:
        assert self._reply is not None  # connect() opens it first of all
        return self._reply.name

    def _perform(self, action: Action) -> None:
        match action:
            case Accept():
                self._accept()
            case Deny():
                self._refuse(403, "The WebSocket was refused.")
            case Send(payload) if self._frames is not None:
                self._frames.send(payload)
            case Close(code):
                self._close(code)
            case Ignore(problem):
                logger.warning("ignored a message to the WebSocket at %s: it %s", self._head.path, problem)

    def _accept(self) -> None:
        self._stop_timer()
        self._move(Event.ACCEPTED)
        self._frames = self._opening.accept(self)

    def _refuse(self, status: int, sentence: str) -> None:
        self._move(Event.REFUSED)
        self._silence()
        self._opening.refuse(status, sentence)

    def _abandon(self, sentence: str) -> None:
        """Refuse, and tell the workers, who may have taken the connection for theirs."""
        self._refuse(503, sentence)
        self._send_disconnect(ABNORMAL)

    def _time_out(self) -> None:
        timeout_s = self._context.options.websocket_connect_timeout_s
        self._abandon(f"No worker answered within {timeout_s:g} seconds. Please try again.")

    def _give_up(self, exc: BadReply) -> None:
        logger.error("a message to the WebSocket at %s is malformed: %s", self._head.path, exc)
        if self._state is State.CONNECTING:
            self._refuse(500, "The worker's answer could not be understood. The server's log says why.")
        elif self._state is State.OPEN:
            self._close(INTERNAL_ERROR, "the server made a mistake")

    def _close(self, code: int, reason: str = "") -> None:
        if self._state is State.OPEN and self._frames is not None:
            self._move(Event.CLOSE_SENT)
            self._silence()
            self._frames.close(code, reason)

    def _send_disconnect(self, code: int) -> None:
        message = websocket_disconnect(self._name, self._head.path, code, self._next_order())
        try:
            self._context.layer.send(WEBSOCKET_DISCONNECT, cast(Message, message))
        except ZmqLayerError as exc:
            logger.debug("nobody is told that %s is closed: %s", self._name, exc)

    def _next_order(self) -> int:
        self._order += 1
        return self._order

    def _silence(self) -> None:
        """Take no more messages, and wait for none."""
        self._stop_timer()
        if self._reply is not None:
            self._reply.close()

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _move(self, event: Event) -> None:
        self._state = TRANSITIONS[self._state, event]
        logger.debug("%s at %s: %s, now %s", self._name, self._head.path, event.name, self._state.name)
