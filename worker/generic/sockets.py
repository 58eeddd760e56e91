"""
``WebsocketConsumer``, ``JsonWebsocketConsumer``, and what they share with their twins of coroutines.

Users import all of them from :mod:`zmqlayer.worker.generic.websockets`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, ClassVar, Final

from django.utils.functional import classproperty

from zmqlayer.messages import WEBSOCKET_CONNECT, WEBSOCKET_DISCONNECT, WEBSOCKET_RECEIVE
from zmqlayer.messages import Message as Content
from zmqlayer.worker.auth import channel_and_http_session_user_from_http, channel_session_user_from_http
from zmqlayer.worker.channel import Channel, Group
from zmqlayer.worker.exceptions import AcceptConnection, SendNotAvailableOnDemultiplexer
from zmqlayer.worker.generic.base import BaseConsumer
from zmqlayer.worker.generic.frames import closing, encode_json, frame, parse_json, read_json
from zmqlayer.worker.generic.groups import group_set
from zmqlayer.worker.message import Message
from zmqlayer.worker.outbox import current_outbox
from zmqlayer.worker.sessions import enforce_ordering

__all__ = ["JsonFrames", "JsonWebsocketConsumer", "SocketConsumer", "WebsocketConsumer"]

HOOKS: Final = ("connect", "receive", "disconnect")


class SocketConsumer(BaseConsumer):
    """
    What all consumers of WebSockets share: their channels, decorators and groups.

    Attributes:
        http_user: Whether the user of the browser's session is put into the channel session at connect, so that every
            message has ``message.user``.
        http_user_and_session: The same, and every message has ``message.http_session``.
        strict_ordering: Whether messages of one connection are consumed in order even where its server does not wait
            for one to be consumed before it sends the next. Our servers do wait.
        groups: Groups that a connection is in while it is open.
    """

    method_mapping: ClassVar = {
        WEBSOCKET_CONNECT: "raw_connect",
        WEBSOCKET_RECEIVE: "raw_receive",
        WEBSOCKET_DISCONNECT: "raw_disconnect",
    }
    http_user: bool = False
    http_user_and_session: bool = False
    strict_ordering: bool = False
    groups: Iterable[str] | None = None
    _has_closed = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if getattr(cls, "slight_ordering", False):
            raise ValueError(f"{cls.__name__} sets slight_ordering, which is always on: remove it")

    @classproperty
    def uses_channel_session(cls) -> bool:  # read from the class, so there is no self
        """Whether messages open the channel session, which then ends with the connection; routing asks this."""
        return super().uses_channel_session or cls.http_user or cls.http_user_and_session or cls.enforces_ordering

    @classproperty
    def enforces_ordering(cls) -> bool:  # read from the class, so there is no self
        """Whether messages wait for their turn; demultiplexers ask this."""
        return cls.strict_ordering

    @cached_property
    def path(self) -> str:
        """The path of the WebSocket's URL."""
        return str(self.message["path"])

    @property
    def reply_channel(self) -> Channel:
        """
        The way to the browser.

        Raises:
            ValueError: The message has none: it is not from a connection.
        """
        channel = self.message.reply_channel
        if channel is None:
            raise ValueError(f"a message on {self.message.channel} has no reply channel, so there is nobody to answer")
        return channel

    @property
    def is_on_stream(self) -> bool:
        """Whether a demultiplexer has made this instance, for one stream of the connection."""
        return "multiplexer" in self.kwargs

    def get_handler(self, message: Message, **kwargs: Any) -> Callable[..., Any]:
        """
        Return what takes *message*: a method, in the decorators that the attributes ask for.

        Raises:
            InvalidRoutingError: ``method_mapping`` does not name the channel, or names no method.
        """
        if self.http_user_and_session:
            method = channel_and_http_session_user_from_http(self._method_for(message.channel.name))
        elif self.http_user:
            method = channel_session_user_from_http(self._method_for(message.channel.name))
        else:
            method = super().get_handler(message, **kwargs)
        return enforce_ordering(method) if self.enforces_ordering else method

    def connection_groups(self, **kwargs: Any) -> Iterable[str]:
        """Return the groups that the connection is in while it is open; a list, not a string."""
        return self.groups or ()

    def _groups(self, kwargs: dict[str, Any]) -> list[Group]:
        names = group_set(self.connection_groups(**kwargs), f"{type(self).__name__}.connection_groups()")
        return [Group(name, channel_layer=self.message.channel_layer) for name in sorted(names)]

    def _own_channel(self) -> Channel:
        if self.is_on_stream:
            raise SendNotAvailableOnDemultiplexer(
                f"{type(self).__name__} is behind a demultiplexer: send with multiplexer.send(...), where multiplexer "
                f"is a keyword argument of its methods"
            )
        return self.reply_channel

    def _answer(self, content: Content) -> Content:
        self._has_closed = self._has_closed or "close" in content
        return content

    @property
    def is_closing(self) -> bool:
        """Whether this consumer has refused or closed the WebSocket, in whatever words."""
        outbox = current_outbox()
        if outbox is None:  # a test dispatches a message by itself
            return self._has_closed
        return outbox.has_shut(self.reply_channel.name)


class WebsocketConsumer(SocketConsumer):
    """
    Takes the messages of WebSockets; override ``connect``, ``receive`` and ``disconnect``.

    ``raw_connect`` and ``raw_disconnect`` join and leave the groups around them. For methods that are coroutines there
    is ``AsyncWebsocketConsumer``.

    Raises:
        TypeError: A subclass overrides one of the three by an ``async def``.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in HOOKS:
            if inspect.iscoroutinefunction(getattr(cls, name)):
                raise TypeError(f"{cls.__name__}.{name} is an async def: inherit from the Async… class of that name")

    def raw_connect(self, message: Message, **kwargs: Any) -> Any:
        """
        Call :meth:`connect`, then join the groups unless it refused.

        A message of a group would open a WebSocket that still waits for an answer.
        """
        try:
            result = self.connect(message, **kwargs)
        except AcceptConnection:
            self._join(kwargs)
            raise
        if not self.is_closing:
            self._join(kwargs)
        return result

    def connect(self, message: Message, **kwargs: Any) -> Any:
        """Open the WebSocket. Override this to refuse it, or to say something at once."""
        if not self.is_on_stream:
            self.reply_channel.send({"accept": True})

    def raw_receive(self, message: Message, **kwargs: Any) -> Any:
        """Call :meth:`receive` with what the client sent."""
        if message.get("text") is not None:
            return self.receive(text=message["text"], **kwargs)
        return self.receive(bytes=message.get("bytes"), **kwargs)

    def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> Any:
        """Take what the client sent: text or bytes."""

    def raw_disconnect(self, message: Message, **kwargs: Any) -> Any:
        """Leave the groups, then call :meth:`disconnect`."""
        for group in self._groups(kwargs):
            group.discard(self.reply_channel)
        return self.disconnect(message, **kwargs)

    def disconnect(self, message: Message, **kwargs: Any) -> Any:
        """Tidy up: the WebSocket is closed."""

    def send(self, text: str | None = None, bytes: bytes | None = None, close: bool | int = False) -> None:
        """
        Send text or bytes to the client.

        Args:
            close: Whether to close the WebSocket then; a number is the close code.

        Raises:
            TypeError: The text is no str, or the bytes are no bytes.
            ValueError: There is nothing to send, or both text and bytes, or no close code.
            SendNotAvailableOnDemultiplexer: This is one stream of a connection.
        """
        self._own_channel().send(self._answer(frame(text, bytes, close)))

    def close(self, status: bool | int = True) -> None:
        """
        Close the WebSocket, or refuse it in :meth:`connect`.

        Args:
            status: The close code; the normal one if True.

        Raises:
            ValueError: No close code.
        """
        self.reply_channel.send(self._answer(closing(status)))

    @classmethod
    def group_send(
        cls, name: str, text: str | None = None, bytes: bytes | None = None, close: bool | int = False
    ) -> None:
        """Send text or bytes to every client in the group *name*; the rest is as for :meth:`send`."""
        Group(name).send(frame(text, bytes, close))

    def _join(self, kwargs: dict[str, Any]) -> None:
        for group in self._groups(kwargs):
            group.add(self.reply_channel)


class JsonFrames:
    """How consumers write and read JSON; override for another encoder."""

    @classmethod
    def encode_json(cls, content: Any) -> str:
        """Return *content* as JSON."""
        return encode_json(content)

    @classmethod
    def decode_json(cls, text: str) -> Any:
        """
        Return the value of JSON *text*.

        Raises:
            ValueError: It cannot be decoded; the WebSocket is then closed with 1007.
        """
        return parse_json(text)


class JsonWebsocketConsumer(JsonFrames, WebsocketConsumer):
    """
    Speaks JSON: ``receive`` and ``send`` have one value in place of text or bytes.

    A client that sends bytes is closed with 1003, one that sends no JSON with 1007.
    """

    def raw_receive(self, message: Message, **kwargs: Any) -> Any:
        """
        Call :meth:`receive` with the value that the client sent.

        Raises:
            UnusableFrame: It sent bytes, or no JSON.
        """
        return self.receive(read_json(message, self.decode_json), **kwargs)

    def receive(self, content: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # a value in place of a frame
        """Take the value that the client sent."""

    def send(self, content: Any, close: bool | int = False) -> None:  # type: ignore[override]  # a value, as above
        """
        Send *content* to the client as JSON.

        Args:
            close: Whether to close the WebSocket then; a number is the close code.

        Raises:
            TypeError, ValueError: It cannot be written in JSON.
            SendNotAvailableOnDemultiplexer: This is one stream of a connection.
        """
        super().send(text=self.encode_json(content), close=close)

    @classmethod
    def group_send(cls, name: str, content: Any, close: bool | int = False) -> None:  # type: ignore[override]
        """Send *content* as JSON to every client in the group *name*."""
        super().group_send(name, text=cls.encode_json(content), close=close)
