"""The mesh's side of one WebSocket: the messages that it becomes, and those that it obeys."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final, Protocol

from zmqlayer.exceptions import InvalidName, MessageTooLarge, ZmqLayerError
from zmqlayer.interface.clients.framing import Frames
from zmqlayer.interface.clients.handshake import choose_subprotocol, offered_subprotocols
from zmqlayer.interface.clients.head import Field, Head
from zmqlayer.interface.clients.streams import Socket
from zmqlayer.interface.conversations.inbound import Inbound
from zmqlayer.interface.conversations.replies import BadReply
from zmqlayer.interface.conversations.translate import Ends, websocket_connect
from zmqlayer.interface.conversations.websocket_replies import (
    Accept,
    Action,
    Close,
    Deny,
    Ignore,
    Progress,
    Send,
    read_handshake_answer,
    read_progress,
    read_websocket_send,
)
from zmqlayer.interface.countdown import Countdown
from zmqlayer.interface.escaping import log_of
from zmqlayer.interface.options import Context
from zmqlayer.messages import WEBSOCKET_CONNECT, WEBSOCKET_SEND_PATTERN, Message
from zmqlayer.ports import Loss, ReplyChannel

__all__ = ["Opening", "WebSocket"]

logger = log_of(__name__)

GOING_AWAY: Final = 1001
ABNORMAL: Final = 1006
TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012


class Opening(Protocol):
    """What a WebSocket needs of the request that asked for it."""

    def refuse(self, status: int, sentence: str) -> None: ...
    def accept(self, socket: Socket, subprotocol: str, fields: Iterable[Field]) -> Frames: ...
    def release(self) -> None: ...


class State(Enum):
    """Where a WebSocket is in its life."""

    NEW = auto()
    CONNECTING = auto()  # the handshake waits for a worker
    OPEN = auto()
    CLOSING = auto()  # we sent a close frame; the client has not answered
    CLOSED = auto()  # nobody is there any more; the workers may still have to be told


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


HEARS: Final = frozenset({State.CONNECTING, State.OPEN})
"""Where a worker's message is obeyed."""


class WebSocket:
    """
    One WebSocket, from the request that asks for it until the workers know that it is gone.

    ``websocket.disconnect`` follows every ``websocket.connect`` that a worker can have seen, except where a worker
    itself refused. Messages of the client that arrive once the socket is closing are dropped.
    """

    __slots__ = (
        "_context",
        "_frames",
        "_inbound",
        "_is_stopping",
        "_offered",
        "_opening",
        "_path",
        "_reply",
        "_state",
        "_timer",
    )

    def __init__(self, opening: Opening, context: Context, path: str) -> None:
        self._opening: Opening | None = opening
        self._context = context
        self._path = path
        self._state = State.NEW
        self._is_stopping = False
        self._offered: tuple[str, ...] = ()
        self._reply: ReplyChannel | None = None
        self._inbound: Inbound | None = None
        self._frames: Frames | None = None
        self._timer = Countdown(context.reactor)

    def connect(self, head: Head, ends: Ends) -> None:
        """Ask the workers, and wait for their answer."""
        self._offered = offered_subprotocols(head)
        self._reply = self._context.layer.open_channel(WEBSOCKET_SEND_PATTERN, self.deliver)
        self._inbound = Inbound(self, self._context, self._reply.name, self._path)
        try:
            self._inbound.connect(websocket_connect(head, ends, self._reply.name))
        except ZmqLayerError as exc:
            logger.debug("503 for the WebSocket of %s: %s", self._reply.name, exc)
            self._refuse(503, "No worker has room for another WebSocket. Please try again.")
            self._inbound.end()
        else:
            self._move(Event.ASKED)
            timeout_s = self._context.options.websocket_connect_timeout_s
            self._timer.start(timeout_s, self._time_out)

    def deliver(self, message: Message) -> None:
        """Do what one message of a worker says."""
        progress = Progress(None, "")
        was_connecting = self._state is State.CONNECTING
        try:
            progress = read_progress(message)
            if self._state in HEARS:
                self._follow(progress.events_channel)
                for action in read_handshake_answer(message) if was_connecting else read_websocket_send(message):
                    self._perform(action)
        except BadReply as exc:
            self._give_up(exc)
        if was_connecting and self._state is not State.CONNECTING:
            self._release()
        self._ways.answered(progress.consumed)

    # What its frames tell.

    def completed(self) -> None:
        """Nothing to do: the request of a WebSocket has no body."""

    @property
    def is_busy(self) -> bool:
        """Whether a consumer still has a message of the client's."""
        return not self._ways.is_idle()

    def received(self, payload: str | bytes) -> None:
        """Pass one message of the client on; if it must wait, so must the client."""
        if self._state is State.OPEN and not self._ways.receive(payload) and self._frames is not None:
            self._frames.pause()

    def lost(self, code: int, reason: str = "") -> None:
        """The connection is gone: tell the workers."""
        if self._state is State.CLOSED:
            return
        self._move(Event.LOST)
        self._opening = self._frames = None  # they know this socket, and such a circle waits for the collector
        self._silence()
        self._bid_farewell(code, reason)

    def expired(self) -> None:
        """It is as old as it may become; the client can open another one."""
        self._close(GOING_AWAY, "a WebSocket is not kept open any longer")

    def pauseProducing(self) -> None:
        """Leave messages unread: the client is slow."""
        if self._reply is not None and self._state is State.OPEN:
            self._reply.pause()

    def resumeProducing(self) -> None:
        """Read on."""
        if self._reply is not None:
            self._reply.resume()

    # What its connection tells.

    def client_gone(self) -> None:
        """The connection was lost before a worker had answered."""
        self.lost(ABNORMAL)

    def stop(self) -> None:
        """The server stops: end the WebSocket so that the client connects again elsewhere."""
        self._is_stopping = True
        if self._state is State.CONNECTING:
            self._abandon("This server is stopping. Please try again.")
        elif self._state is State.OPEN:
            self._close(GOING_AWAY, "the server is stopping")

    # What its way to the workers tells.

    def taken(self) -> None:
        """The message that waited is on its way, or the last one is consumed: hear the client again."""
        if self._frames is not None:
            self._frames.resume()

    def failed(self, error: ZmqLayerError) -> None:
        """A message of the client cannot be passed on: leaving it out would break the order."""
        logger.debug("closing %s: %s", self._name, error)
        if isinstance(error, MessageTooLarge):
            self._close(TOO_BIG, f"a message may have {error.limit} bytes with its envelope")
        else:
            self._close(INTERNAL_ERROR, "the server is not connected to its workers")

    def connect_lost(self, loss: Loss) -> None:
        """No worker will answer."""
        logger.info("503 for the WebSocket at %s: %s", self._path, loss.value)
        if self._state is State.CONNECTING:
            self._abandon("The worker that was asked is gone. Please try again.")

    def worker_gone(self) -> None:
        """The worker that had invited is gone, and with it all that it knew of this connection."""
        logger.info("closing the WebSocket at %s: its worker is gone", self._path)
        if self._state is State.CONNECTING:
            self._refuse(503, "The worker that was asked is gone. Please try again.")
        else:
            self._close(SERVICE_RESTART, "the worker is gone")

    def ended(self) -> None:
        """Everything was told."""
        if self._reply is not None:
            self._reply.close()

    @property
    def _name(self) -> str:
        assert self._reply is not None  # connect() opens it first of all
        return self._reply.name

    @property
    def _ways(self) -> Inbound:
        assert self._inbound is not None  # likewise
        return self._inbound

    def _follow(self, events_channel: str) -> None:
        if not events_channel:
            return
        try:
            self._ways.invite(events_channel)
        except InvalidName as exc:
            raise BadReply("events_channel", f"cannot be followed: {exc}") from exc

    def _perform(self, action: Action) -> None:
        match action:
            case Accept(subprotocol, fields):
                self._accept(subprotocol, fields)
            case Deny(status):
                self._refuse(status, _reason(status))
                self._ways.end()
            case Send(payload) if self._frames is not None:
                self._frames.send(payload)
            case Close(code, reason):
                self._close(code, reason)
            case Ignore(problem):
                logger.warning("ignored a message to the WebSocket at %s: it %s", self._path, problem)

    def _accept(self, subprotocol: str, fields: Iterable[Field]) -> None:
        if subprotocol and subprotocol not in self._offered:
            raise BadReply("subprotocol", f"is {subprotocol!r:.80}, which the client did not offer")
        chosen = subprotocol or choose_subprotocol(self._offered, self._context.options.ws_protocols)
        self._timer.stop()
        self._move(Event.ACCEPTED)
        if self._opening is not None:
            self._frames = self._opening.accept(self, chosen, fields)

    def _release(self) -> None:
        """Let the client's frames flow; the request is not needed any more."""
        opening, self._opening = self._opening, None
        if opening is not None and self._frames is not None:
            opening.release()

    def _refuse(self, status: int, sentence: str) -> None:
        self._move(Event.REFUSED)
        self._silence()
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.refuse(status, sentence)

    def _abandon(self, sentence: str) -> None:
        """Refuse, and tell the workers, who may have taken the connection for theirs."""
        self._refuse(503, sentence)
        self._bid_farewell(ABNORMAL)

    def _time_out(self) -> None:
        timeout_s = self._context.options.websocket_connect_timeout_s
        if self._context.layer.has_reader(WEBSOCKET_CONNECT):
            self._abandon(f"No worker answered within {timeout_s:g} seconds. Please try again.")
        else:
            self._abandon("No worker is running. Please try again.")

    def _give_up(self, exc: BadReply) -> None:
        if self._state not in HEARS:
            return
        logger.error("a message to the WebSocket at %s is malformed: %s", self._path, exc)
        if self._state is State.CONNECTING:
            self._refuse(500, "The worker's answer could not be understood. The server's log says why.")
            self._bid_farewell(ABNORMAL)  # the worker takes it for open
        else:
            self._close(INTERNAL_ERROR, "the server made a mistake")

    def _close(self, code: int, reason: str = "") -> None:
        if self._state is State.OPEN and self._frames is not None:
            self._move(Event.CLOSE_SENT)
            self._silence()
            self._ways.drop_waiting()
            self._frames.close(code, reason)

    def _bid_farewell(self, code: int, reason: str = "") -> None:
        """Tell the workers that the client is gone, when it is its turn; at once if the server stops."""
        if self._is_stopping:
            self._ways.hurry()
        self._ways.disconnect(code, reason)

    def _silence(self) -> None:
        """Wait for no answer. Messages are still read, for what they tell of the worker."""
        self._timer.stop()
        if self._reply is not None:
            self._reply.resume()

    def _move(self, event: Event) -> None:
        self._state = TRANSITIONS[self._state, event]
        logger.debug("%s at %s: %s, now %s", self._name, self._path, event.name, self._state.name)


def _reason(status: int) -> str:
    """Return why a worker refuses, as far as a status tells."""
    if status == 503:
        return "The worker that was asked is stopping. Please try again."
    return "The WebSocket was refused." if status < 500 else "The worker failed to answer. Its log says why."
