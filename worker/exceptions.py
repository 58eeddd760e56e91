"""
What consumers raise to steer their worker, and what wrong settings raise.

A consumer raises the first kind on purpose; the worker catches it and acts::

    Exception
    ├── ConsumeLater                   not now: give me this message again
    ├── StopConsumer                   nothing more to do
    └── ChannelSocketException         do something to the connection, see ``run``
        ├── AcceptConnection           open the WebSocket
        ├── DenyConnection             refuse the WebSocket
        └── WebsocketCloseException    close the WebSocket with a code
            └── UnusableFrame          the same, because of what the client sent

What ends a view is raised by us::

    BaseException
    └── RequestAborted                 nobody is there to take the response
        └── RequestTimeout             the request's body stopped coming

What a consumer sends beyond what is held back for it raises ``OutboxFull``, a ``ChannelFull``.

A view returns or raises ``ResponseLater`` if somebody else answers; it is here since Channels 1.x had it here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from zmqlayer.exceptions import ChannelFull, ZmqLayerError
from zmqlayer.messages import is_close_code
from zmqlayer.worker.later import ResponseLater

if TYPE_CHECKING:
    from zmqlayer.worker.message import Message

__all__ = [
    "AcceptConnection",
    "ChannelSocketException",
    "ConsumeLater",
    "DenyConnection",
    "InvalidChannelLayerError",
    "InvalidRoutingError",
    "OutboxFull",
    "RequestAborted",
    "RequestTimeout",
    "ResponseLater",
    "SendNotAvailableOnDemultiplexer",
    "StopConsumer",
    "UnusableFrame",
    "WebsocketCloseException",
]

logger = logging.getLogger(__name__)


class ConsumeLater(Exception):
    """
    Raised by a consumer that cannot handle its message yet.

    The message goes back to its channel with a count of tries in ``__retries__``. What the consumer
    sent in this try is dropped, since it will run again from its start. After ten tries the message
    is dropped with a warning; during the last one ``message.__doomed__`` is True.
    """


class StopConsumer(Exception):
    """Raised by a consumer that is done; the worker takes the next message."""


class RequestAborted(BaseException):
    """
    Ends a view, or its streaming response, when nobody is there to take the response.

    It is raised where the view reads the request's body, and where its response is sent. Like
    :class:`asyncio.CancelledError` it is no ``Exception``: nothing went wrong here, so neither the view's own
    ``except Exception`` nor Django's should deal with it. ``finally`` and transactions see it.
    """


class RequestTimeout(RequestAborted):
    """Ends a view that waits for the rest of the request's body, when nothing came for a minute: answered 408."""


class ChannelSocketException(Exception):
    """Raised by a consumer to do something to the connection behind the message's reply channel."""

    def run(self, message: Message) -> None:
        """Act on the connection of *message*; called by the worker."""
        raise NotImplementedError(f"{type(self).__name__} does not say what to do to the connection")

    def _answer(self, message: Message, content: dict[str, Any]) -> None:
        if message.reply_channel is None:
            raise ValueError(f"{type(self).__name__} was raised for a message without a reply channel")
        message.reply_channel.send(content)


class AcceptConnection(ChannelSocketException):
    """Raised by a consumer of ``websocket.connect`` to open the socket."""

    def run(self, message: Message) -> None:
        self._answer(message, {"accept": True})


class DenyConnection(ChannelSocketException):
    """Raised by a consumer of ``websocket.connect`` to refuse the socket; later it closes an open one."""

    def run(self, message: Message) -> None:
        self._answer(message, {"close": True})


class WebsocketCloseException(ChannelSocketException):
    """
    Raised by a consumer to close an open socket.

    Args:
        code: The WebSocket close code; the normal one if None.

    Raises:
        ValueError: No close code, or one that may not be sent.
    """

    def __init__(self, code: int | None = None) -> None:
        if code is not None and not is_close_code(code):
            raise ValueError(
                f"{code!r} is not a WebSocket close code that may be sent: those of RFC 6455, 7.4, or 3000 to 4999"
            )
        super().__init__(code)
        self.code = code

    def run(self, message: Message) -> None:
        self._answer(message, {"close": True if self.code is None else self.code})


class UnusableFrame(WebsocketCloseException):
    """
    Raised by a consumer to close an open socket because of what its client sent.

    Args:
        problem: What the client sent, in words of our own, as in "bytes, where text is expected".
        code: The WebSocket close code.
    """

    def __init__(self, problem: str, code: int) -> None:
        super().__init__(code)
        self.problem = problem

    def __str__(self) -> str:
        return f"the client sent {self.problem}"

    def run(self, message: Message) -> None:
        logger.info("closing %s with %s: %s", message.reply_channel, self.code, self)
        super().run(message)


class SendNotAvailableOnDemultiplexer(ZmqLayerError):
    """A consumer behind a demultiplexer sent past its stream: it must use the ``multiplexer`` that it is given."""


class OutboxFull(ChannelFull):
    """
    A consumer has sent as many messages that wait for its end as one run may; this one was not sent.

    Attributes:
        consumer: The consumer's name.
    """

    def __init__(self, channel: str, limit: int, consumer: str) -> None:
        super().__init__(channel, limit, "outbox")
        self.args = (channel, limit, consumer)
        self.consumer = consumer

    def __str__(self) -> str:
        return (
            f"consumer {self.consumer} has sent {self.limit:,} messages that wait for its end, the most of one "
            f"run: the one to {self.channel!r} was not sent; send with immediately=True, or from several consumers"
        )


class InvalidChannelLayerError(ZmqLayerError, ValueError):
    """``settings.CHANNEL_LAYERS`` has no usable layer under an alias."""

    def __init__(self, alias: str, problem: str) -> None:
        super().__init__(alias, problem)
        self.alias = alias
        self.problem = problem

    def __str__(self) -> str:
        return f"CHANNEL_LAYERS[{self.alias!r}] {self.problem}"


class InvalidRoutingError(ZmqLayerError, ValueError):
    """A routing, or a consumer it names, cannot be used."""

    def __init__(self, routing: object, problem: str) -> None:
        super().__init__(routing, problem)
        self.routing = routing
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.routing!r} {self.problem}"
