"""The mesh's side of one HTTP request: the messages that ask, and the messages that answer."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Protocol, cast

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.interface.clients.head import Field, Head
from zmqlayer.interface.clients.pages import body_too_large
from zmqlayer.interface.conversations.body import Pieces
from zmqlayer.interface.conversations.errand import Errand
from zmqlayer.interface.conversations.invitations import read_invitation
from zmqlayer.interface.conversations.replies import BadReply
from zmqlayer.interface.conversations.response import Response, Step
from zmqlayer.interface.conversations.translate import Ends, http_disconnect, http_request
from zmqlayer.interface.conversations.uploads import Upload
from zmqlayer.interface.countdown import Countdown
from zmqlayer.interface.escaping import log_of
from zmqlayer.interface.options import Context
from zmqlayer.messages import (
    HTTP_DISCONNECT,
    HTTP_REQUEST_BODY_PATTERN,
    HTTP_RESPONSE_PATTERN,
    HttpRequest,
    Message,
)
from zmqlayer.ports import Loss, ReplyChannel, Wish

__all__ = ["Exchange", "Respondent"]

logger = log_of(__name__)


class Respondent(Protocol):
    """What an exchange needs of the client's side of the request."""

    @property
    def is_congested(self) -> bool: ...
    def begin(self, status: int, fields: Iterable[Field], content: bytes = b"") -> None: ...
    def write(self, data: bytes) -> None: ...
    def finish(self) -> None: ...
    def refuse(self, status: int, sentence: str, fault: str = "") -> None: ...
    def abort(self) -> None: ...
    def invite_body(self) -> None: ...
    def pause_body(self) -> None: ...
    def resume_body(self) -> None: ...


class Stage(Enum):
    """How far an exchange is. It only moves forward, and may leave stages out."""

    COLLECTING = auto()  # what the request's message holds of the body
    ASKING = auto()  # there may be no worker yet
    WAITING = auto()  # for the first message of the response
    ANSWERING = auto()
    OVER = auto()


class Exchange:
    """
    One request and its response.

    The request is sent when its body is complete, or has become too long for one message; then the rest follows on
    a channel of its own (``uploads.py``), at the pace at which the worker reads it. While the client is slow to take
    the response, the reply channel is paused, so that the worker feels it as ``ChannelFull``.
    """

    __slots__ = (
        "_context",
        "_deadline",
        "_ends",
        "_errand",
        "_events",
        "_following",
        "_head",
        "_is_body_held",
        "_pieces",
        "_reply",
        "_request",
        "_response",
        "_stage",
        "_timer",
        "_upload",
    )

    def __init__(self, request: Respondent, context: Context, head: Head, ends: Ends) -> None:
        self._request = request
        self._context = context
        self._head = head
        self._ends = ends
        self._stage = Stage.COLLECTING
        self._pieces = Pieces(context.options)
        self._response = Response(is_to_head=head.method == "HEAD")
        self._errand = Errand(context, self._wait, self._refuse, self._lost)
        self._reply: ReplyChannel | None = None
        self._upload: Upload | None = None
        self._events: str | None = None
        self._following: Wish | None = None
        self._timer = Countdown(context.reactor)
        self._deadline = 0.0
        self._is_body_held = False

    @property
    def _is_asked(self) -> bool:
        """Whether a worker may know of the request, and is not done with it."""
        return self._stage is Stage.WAITING or self._stage is Stage.ANSWERING

    # What the client does.

    def start(self) -> None:
        """Take the body, unless it says that it is too long."""
        limit = self._context.options.max_body_size
        if limit and _announced_size(self._head) > limit:
            self._refuse_body()
        else:
            self._request.invite_body()

    def received(self, data: bytes) -> None:
        """Pass a piece of the body on."""
        if self._stage is Stage.OVER:
            return
        self._pieces.add(data)
        if 0 < self._context.options.max_body_size < self._pieces.arrived:
            self._refuse_body()
        elif self._stage is not Stage.COLLECTING:
            self._flow()
        elif self._pieces.is_long:
            self._ask()

    def completed(self) -> None:
        """Pass the end of the body on."""
        self._pieces.is_complete = True
        if self._stage is not Stage.COLLECTING:
            self._flow()
        else:
            self._ask()

    def client_gone(self) -> None:
        """Stop waiting, and tell the worker."""
        if self._stage is Stage.OVER:
            return
        was_asked = self._is_asked
        self._end()
        if was_asked:
            self._tell_disconnect()

    def pauseProducing(self) -> None:
        """Leave the response's messages unread: the client is slow."""
        if self._reply is not None:
            self._reply.pause()

    def resumeProducing(self) -> None:
        """Read on."""
        if self._reply is not None:
            self._reply.resume()

    def stop(self) -> None:
        """The server stops: the response may take its time, but no worker is waited for."""
        if self._errand.is_waiting:
            self._refuse(503, "This server is stopping. Please try again.")

    # What the worker does.

    def deliver(self, message: Message) -> None:
        """Send the client one message of the response, unless no worker was asked for one."""
        if not self._is_asked:
            return
        try:
            if (channel := read_invitation(message)) is not None:
                self._follow(channel)
            step = self._response.read(message)
        except BadReply as exc:
            self._give_up(f"malformed: {exc}")
            self._tell_who_invited()
            return
        if step is not None:
            self._take(step)

    def _take(self, step: Step) -> None:
        if step.is_broken_off:
            self._give_up("broken off")
            return
        if step.start is not None:
            self._stage = Stage.ANSWERING
            self._timer.stop()
            self._request.begin(step.start.status, step.start.fields, step.content)
        else:
            self._request.write(step.content)
        if step.is_last:
            self._end(is_whole=True)
            self._request.finish()

    def _follow(self, channel: str) -> None:
        """From now on the owner of *channel* answers, whoever took the request."""
        if channel == self._events:
            return
        if self._following is not None:
            self._following.cancel()
        self._events = channel
        self._following = self._context.layer.follow(channel, self._worker_gone)
        self._errand.forget()

    def _lost(self, loss: Loss) -> None:
        if loss is Loss.READER_GONE:
            self._worker_gone()
        elif self._stage is not Stage.OVER:
            self._break_off(503, "No worker took the request in time. Please try again.")

    def _worker_gone(self) -> None:
        if self._stage is not Stage.OVER:
            logger.warning("the worker that was answering %s %s is gone", self._head.method, self._head.path)
            self._break_off(502, "The worker that was answering this request is gone.")

    # Asking.

    def _ask(self) -> None:
        """Send the request; the client waits meanwhile with the rest of its body."""
        self._stage = Stage.ASKING
        message = self._write_message()
        self._errand.begin(message)
        if self._errand.is_waiting:
            self._hold_body(not self._pieces.is_complete)

    def _write_message(self) -> HttpRequest:
        layer = self._context.layer
        self._reply = layer.open_channel(HTTP_RESPONSE_PATTERN, self.deliver)
        message = http_request(self._head, self._ends, self._reply.name, self._pieces.take_first())
        if not self._pieces.is_sent:
            message["body_channel"] = layer.new_channel(HTTP_REQUEST_BODY_PATTERN)
            self._upload = Upload(layer, message["body_channel"], self._pieces, self._flow)
        return message

    def _wait(self) -> None:
        self._stage = Stage.WAITING
        if self._request.is_congested:
            self.pauseProducing()
        self._check_later(self._context.options.http_timeout_s)
        self._flow()

    def _flow(self) -> None:
        """The body has come further, from the client or towards the worker: send what there is of it."""
        if not self._is_asked:
            return
        self._deadline = self._context.reactor.seconds() + self._context.options.http_timeout_s
        if self._upload is None:
            return
        try:
            self._hold_body(not self._upload.flow())
        except ZmqLayerError as exc:
            logger.debug("the body of %s goes no further: %s", self._head.path, exc)
            self._break_off(503, "This server is not connected to its workers. Please try again.")

    def _hold_body(self, is_held: bool) -> None:
        if is_held is self._is_body_held:
            return
        self._is_body_held = is_held
        if is_held:
            self._request.pause_body()
        else:
            self._request.resume_body()

    def _check_time(self) -> None:
        left_s = self._deadline - self._context.reactor.seconds()
        if left_s > 0:
            self._check_later(left_s)
            return
        timeout_s = self._context.options.http_timeout_s
        self._refuse(503, f"No worker answered within {timeout_s:g} seconds. Please try again.")
        self._tell_who_invited()

    # Ending.

    def _give_up(self, fault: str) -> None:
        logger.error("the worker's response to %s %s is %s", self._head.method, self._head.path, fault)
        self._break_off(500, "The worker's response could not be sent. The server's log says why.")

    def _break_off(self, status: int, sentence: str) -> None:
        """Answer with an error, or cut the response that has begun."""
        if self._stage is Stage.ANSWERING:
            self._end()
            self._request.abort()
        else:
            self._refuse(status, sentence)

    def _refuse_body(self) -> None:
        if self._stage is Stage.ANSWERING:
            self._break_off(413, "")
        else:
            self._end()
            self._request.refuse(413, body_too_large(self._context.options.max_body_size), "long body")

    def _refuse(self, status: int, sentence: str) -> None:
        self._end()
        self._request.refuse(status, sentence)

    def _end(self, *, is_whole: bool = False) -> None:
        """Expect nothing more of client or worker."""
        was_asked, self._stage = self._is_asked, Stage.OVER
        self._timer.stop()
        request = self._errand.release()
        if self._following is not None:
            self._following.cancel()
        if self._reply is not None:
            self._reply.close(request)
        if self._upload is not None:
            self._upload.drop()
            if was_asked and not is_whole:
                self._context.farewells.send(self._context.layer, self._upload.channel)
        self._hold_body(False)

    def _tell_who_invited(self) -> None:
        """The server has ended the request: a worker that waits for its end takes it for one of the client's."""
        if self._events is not None:
            self._tell_disconnect()

    def _tell_disconnect(self) -> None:
        assert self._reply is not None  # a worker knows the request by it
        layer = self._context.layer
        message = http_disconnect(self._reply.name, self._head.path)
        if self._events is not None:
            message["type"] = HTTP_DISCONNECT
        elif not layer.has_reader(HTTP_DISCONNECT):
            return
        try:
            layer.send(self._events or HTTP_DISCONNECT, cast(Message, message))
        except ZmqLayerError as exc:
            logger.debug("nobody is told that the client of %s is gone: %s", self._reply.name, exc)

    def _check_later(self, delay_s: float) -> None:
        self._timer.start(delay_s, self._check_time)


def _announced_size(head: Head) -> int:
    """Return the length of the body, as far as the head tells; 0 if it does not."""
    lengths = [length for length in head.values(b"content-length") if length.isdigit() and len(length) < 20]
    return max(map(int, lengths), default=0)
