"""
``AsyncWebsocketConsumer`` and ``AsyncJsonWebsocketConsumer``: what one overrides is an ``async def``, what one calls is
awaited.

As in Channels 4, the methods are called as in the plain classes: ``await self.send(...)``. There is one instance for
each message, as with all consumers here, so what is to last as long as the connection goes into the channel session.
Users import both from :mod:`zmqlayer.worker.generic.websockets`.
"""

from __future__ import annotations

from typing import Any

from zmqlayer.worker.channel import Group
from zmqlayer.worker.exceptions import AcceptConnection
from zmqlayer.worker.generic.frames import closing, frame, read_json
from zmqlayer.worker.generic.sockets import JsonFrames, SocketConsumer
from zmqlayer.worker.message import Message

__all__ = ["AsyncJsonWebsocketConsumer", "AsyncWebsocketConsumer"]


class AsyncWebsocketConsumer(SocketConsumer):
    """Takes the messages of WebSockets in coroutines; override ``connect``, ``receive`` and ``disconnect``."""

    async def raw_connect(self, message: Message, **kwargs: Any) -> None:
        """Await :meth:`connect`, then join the groups unless it refused."""
        try:
            await self.connect(message, **kwargs)
        except AcceptConnection:
            await self._join(kwargs)
            raise
        if not self.is_closing:
            await self._join(kwargs)

    async def connect(self, message: Message, **kwargs: Any) -> None:
        """Open the WebSocket. Override this to refuse it, or to say something at once."""
        if not self.is_on_stream:
            await self.reply_channel.asend({"accept": True})

    async def raw_receive(self, message: Message, **kwargs: Any) -> None:
        """Await :meth:`receive` with what the client sent."""
        if message.get("text") is not None:
            await self.receive(text=message["text"], **kwargs)
        else:
            await self.receive(bytes=message.get("bytes"), **kwargs)

    async def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
        """Take what the client sent: text or bytes."""

    async def raw_disconnect(self, message: Message, **kwargs: Any) -> None:
        """Leave the groups, then await :meth:`disconnect`."""
        for group in self._groups(kwargs):
            await group.adiscard(self.reply_channel)
        await self.disconnect(message, **kwargs)

    async def disconnect(self, message: Message, **kwargs: Any) -> None:
        """Tidy up: the WebSocket is closed."""

    async def send(self, text: str | None = None, bytes: bytes | None = None, close: bool | int = False) -> None:
        """Send text or bytes to the client; everything else is as for ``WebsocketConsumer.send``."""
        await self._own_channel().asend(self._answer(frame(text, bytes, close)))

    async def close(self, status: bool | int = True) -> None:
        """Close the WebSocket, or refuse it in :meth:`connect`; *status* is as for ``WebsocketConsumer.close``."""
        await self.reply_channel.asend(self._answer(closing(status)))

    @classmethod
    async def group_send(
        cls, name: str, text: str | None = None, bytes: bytes | None = None, close: bool | int = False
    ) -> None:
        """Send text or bytes to every client in the group *name*."""
        await Group(name).asend(frame(text, bytes, close))

    async def _join(self, kwargs: dict[str, Any]) -> None:
        for group in self._groups(kwargs):
            await group.aadd(self.reply_channel)


class AsyncJsonWebsocketConsumer(JsonFrames, AsyncWebsocketConsumer):
    """Speaks JSON in coroutines; everything else is as for ``JsonWebsocketConsumer``."""

    async def raw_receive(self, message: Message, **kwargs: Any) -> None:
        """
        Await :meth:`receive` with the value that the client sent.

        Raises:
            UnusableFrame: It sent bytes, or no JSON.
        """
        await self.receive(read_json(message, self.decode_json), **kwargs)

    async def receive(self, content: Any, **kwargs: Any) -> None:  # type: ignore[override]  # a value, not a frame
        """Take the value that the client sent."""

    async def send(self, content: Any, close: bool | int = False) -> None:  # type: ignore[override]  # as above
        """Send *content* to the client as JSON."""
        await super().send(text=self.encode_json(content), close=close)

    @classmethod
    async def group_send(cls, name: str, content: Any, close: bool | int = False) -> None:  # type: ignore[override]
        """Send *content* as JSON to every client in the group *name*."""
        await super().group_send(name, text=cls.encode_json(content), close=close)
