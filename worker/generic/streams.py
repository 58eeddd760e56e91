"""
Several streams over one WebSocket: ``{"stream": "likes", "payload": {"post": 7}}``, both ways.

::

    class Page(WebsocketDemultiplexer):
        consumers = {"likes": Likes, "notes": NoteBinding.consumer}

A demultiplexer gives what comes on a stream to the consumer of that stream, as if the payload were all that the client
had sent; connects and disconnects it gives to all of them. Each gets a message and keyword arguments of its own, and
none sees what another did to them, but they share the connection's session and user. Users import both classes from
:mod:`zmqlayer.worker.generic.websockets`.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, ClassVar

from django.utils.functional import classproperty

from zmqlayer.messages import Message as Content
from zmqlayer.worker.channel import Channel, Group
from zmqlayer.worker.exceptions import SendNotAvailableOnDemultiplexer, UnusableFrame
from zmqlayer.worker.generic.frames import UNEXPECTED, closing, encode_json
from zmqlayer.worker.generic.sockets import JsonWebsocketConsumer
from zmqlayer.worker.message import Message
from zmqlayer.worker.sessions import channel_session, uses_channel_session

__all__ = ["WebsocketDemultiplexer", "WebsocketMultiplexer"]


class WebsocketMultiplexer:
    """
    Sends payloads on one stream; consumers behind a demultiplexer get theirs as ``multiplexer``.

    Args:
        stream: The name of the stream.
        reply_channel: The way to the browser.
    """

    def __init__(self, stream: str, reply_channel: Channel) -> None:
        self.stream = stream
        self.reply_channel = reply_channel

    def __repr__(self) -> str:
        return f"<WebsocketMultiplexer {self.stream} to {self.reply_channel}>"

    def send(self, payload: Any) -> None:
        """
        Send *payload* on the stream.

        Raises:
            TypeError, ValueError: It cannot be written in JSON.
        """
        self.reply_channel.send(self.encode(self.stream, payload))

    async def asend(self, payload: Any) -> None:
        """Send *payload* on the stream, from a coroutine."""
        await self.reply_channel.asend(self.encode(self.stream, payload))

    @classmethod
    def encode_json(cls, content: Any) -> str:
        """Return *content* as JSON; override for another encoder."""
        return encode_json(content)

    @classmethod
    def encode(cls, stream: str, payload: Any) -> Content:
        """Return the message that sends *payload* on *stream*."""
        return {"text": cls.encode_json({"stream": stream, "payload": payload})}

    @classmethod
    def group_send(cls, name: str, stream: str, payload: Any, close: bool | int = False) -> None:
        """Send *payload* on *stream* to every client in the group *name*, and then close them if *close* says so."""
        Group(name).send(cls._closing_encode(stream, payload, close))

    @classmethod
    async def agroup_send(cls, name: str, stream: str, payload: Any, close: bool | int = False) -> None:
        """Do as :meth:`group_send`, from a coroutine."""
        await Group(name).asend(cls._closing_encode(stream, payload, close))

    @classmethod
    def _closing_encode(cls, stream: str, payload: Any, close: bool | int) -> Content:
        return {**cls.encode(stream, payload), **(closing(close) if close else {})}


class WebsocketDemultiplexer(JsonWebsocketConsumer):
    """
    Gives each stream of a WebSocket to a consumer of its own: a class or a function, plain or of coroutines.

    Plain consumers run one after the other; then those of coroutines are awaited, one after the other. A client that
    sends anything but a known stream and an object as payload is closed with 1008.

    Attributes:
        consumers: Consumers by the name of the stream.
        multiplexer_class: Makes what consumers send with.
    """

    consumers: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    multiplexer_class: ClassVar[type[WebsocketMultiplexer]] = WebsocketMultiplexer

    @classproperty
    def uses_channel_session(cls) -> bool:  # read from the class, so there is no self
        """Whether this class or any consumer behind it uses the channel session; then they all share it."""
        return super().uses_channel_session or any(map(uses_channel_session, cls.consumers.values()))

    @classproperty
    def enforces_ordering(cls) -> bool:  # read from the class, so there is no self
        """Whether this class or any consumer behind it wants messages in order; then they are so for all of them."""
        return super().enforces_ordering or any(
            getattr(consumer, "enforces_ordering", False) for consumer in cls.consumers.values()
        )

    def get_handler(self, message: Message, **kwargs: Any) -> Callable[..., Any]:
        """
        Return what takes *message*: a method, in the decorators that this class and the consumers ask for.

        Raises:
            InvalidRoutingError: ``method_mapping`` does not name the channel, or names no method.
        """
        method = super().get_handler(message, **kwargs)
        # One session around all consumers: it is read once, and ends after the last of them, not after the first.
        return channel_session(method) if self.uses_channel_session else method

    def connect(self, message: Message, **kwargs: Any) -> Any:
        """Open the WebSocket, and tell the consumers of all streams."""
        self.reply_channel.send({"accept": True})
        return self._tell_all(message, kwargs)

    def receive(self, content: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # as its parent does
        """
        Give the payload to the consumer of its stream.

        Raises:
            UnusableFrame: It is not ``{"stream": …, "payload": {…}}``, or there is no such stream.
        """
        if not isinstance(content, dict) or "stream" not in content or "payload" not in content:
            raise UnusableFrame("JSON without stream and payload", UNEXPECTED)
        stream, payload = content["stream"], content["payload"]
        if not isinstance(stream, str) or stream not in self.consumers:
            raise UnusableFrame("a stream that there is not", UNEXPECTED)
        if not isinstance(payload, dict):
            raise UnusableFrame("a payload that is no object", UNEXPECTED)
        return self._tell(stream, {**self.message.content, "text": self.encode_json(payload)}, kwargs)

    def disconnect(self, message: Message, **kwargs: Any) -> Any:
        """Tell the consumers of all streams."""
        return self._tell_all(message, kwargs)

    def send(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: what is sent to the client belongs to a stream."""
        raise SendNotAvailableOnDemultiplexer("send with the multiplexer that consumers get as a keyword argument")

    @classmethod
    def group_send(cls, *args: Any, **kwargs: Any) -> None:
        """Refuse: what is sent to the clients of a group belongs to a stream."""
        raise SendNotAvailableOnDemultiplexer("send with WebsocketMultiplexer.group_send(name, stream, payload)")

    def _tell_all(self, message: Message, kwargs: Mapping[str, Any]) -> Coroutine[Any, Any, None] | None:
        with ExitStack() as unless_awaited:
            unfinished = []
            for stream in self.consumers:
                result = self._tell(stream, dict(message.content), kwargs)
                if inspect.iscoroutine(result):
                    unfinished.append(result)
                    unless_awaited.callback(result.close)
            unless_awaited.pop_all()
        return _await_all(unfinished) if unfinished else None

    def _tell(self, stream: str, content: Content, kwargs: Mapping[str, Any]) -> Any:
        message = copy.copy(self.message)  # with the session and the user
        message.content = content
        own = {**kwargs, "multiplexer": self.multiplexer_class(stream, self.reply_channel)}
        return _consume(self.consumers[stream], message, own)


def _consume(consumer: Callable[..., Any], message: Message, kwargs: Mapping[str, Any]) -> Any:
    result = consumer(message, **kwargs)
    return result.dispatch(message, **kwargs) if inspect.isclass(consumer) else result


async def _await_all(coroutines: Iterable[Coroutine[Any, Any, Any]]) -> None:
    with ExitStack() as stack:
        for coroutine in coroutines:
            stack.callback(coroutine.close)  # those after one that fails are never awaited
        for coroutine in coroutines:
            await coroutine
