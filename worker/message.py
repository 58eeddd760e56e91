"""``Message``: what a consumer is called with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, ItemsView, Iterator, KeysView, ValuesView
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zmqlayer.messages import Message as Content
from zmqlayer.worker.channel import Channel
from zmqlayer.worker.layers import WorkerLayer

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

__all__ = ["Message"]


class Message:
    """
    One message, the channel it came on, and the way back.

    Keys of the content are read and written as with a dict.

    Attributes:
        content: The message as it was sent.
        channel_name: The name of the channel where it was received.
        reply_channel: Where the sender waits for answers, or None.
        channel_layer: The layer it came through.
        channel_session: Set by the decorator of that name.
        http_session: Set by the decorator of that name; None where the browser has no session.
        user: Set by the decorators of :mod:`zmqlayer.worker.auth`; looked up when it is first used.
        auser: Set by the same ones: ``await message.auser()`` is the user, for coroutines.
    """

    channel_session: SessionBase
    http_session: SessionBase | None
    user: Any
    auser: Callable[[], Awaitable[Any]]

    def __init__(self, content: Content, channel_name: str, channel_layer: WorkerLayer) -> None:
        self.content = content
        self.channel_layer = channel_layer
        self.channel_name = channel_name
        reply_to = content.get("reply_channel")
        self.reply_channel = Channel(reply_to, channel_layer=channel_layer) if reply_to else None
        self.__doomed__ = False
        """Whether this is the last try of a message that raised ``ConsumeLater`` before."""

    @cached_property
    def channel(self) -> Channel:
        """Where it was received."""
        return Channel(self.channel_name, channel_layer=self.channel_layer)

    def __repr__(self) -> str:
        return f"<Message on {self.channel_name} [{', '.join(sorted(self.content))}]>"

    def __getitem__(self, key: str) -> Any:
        return self.content[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.content[key] = value

    def __delitem__(self, key: str) -> None:
        del self.content[key]

    def __contains__(self, key: object) -> bool:
        return key in self.content

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)

    def keys(self) -> KeysView[str]:
        """Return the content's keys."""
        return self.content.keys()

    def values(self) -> ValuesView[Any]:
        """Return the content's values."""
        return self.content.values()

    def items(self) -> ItemsView[str, Any]:
        """Return the content's items."""
        return self.content.items()

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of *key*, or *default* where there is none."""
        return self.content.get(key, default)

    def copy(self) -> Message:
        """Return a message with the same values in a dict of its own; large values are not copied."""
        return type(self)(dict(self.content), self.channel_name, self.channel_layer)
