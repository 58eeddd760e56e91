"""
``BaseConsumer``: a class whose methods take the messages of different channels.

::

    class Thumbnails(BaseConsumer):
        method_mapping = {"thumbnail.make": "make", "thumbnail.drop": "drop"}

        def make(self, message, **kwargs): ...
        def drop(self, message, **kwargs): ...

    routes = [Thumbnails.as_route()]

Routing makes one instance for each message, so what is kept on ``self`` lasts as long as that message. A method may be
an ``async def``: its coroutine runs on the worker's event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.utils.functional import classproperty

from zmqlayer.worker.auth import channel_session_user
from zmqlayer.worker.exceptions import InvalidRoutingError
from zmqlayer.worker.message import Message
from zmqlayer.worker.routing import Route, route_class
from zmqlayer.worker.sessions import channel_session

__all__ = ["BaseConsumer"]


class BaseConsumer:
    """
    Gives each message to the method that ``method_mapping`` names for its channel.

    Attributes:
        method_mapping: Names of methods by channel.
        channel_session: Whether methods find the session of the connection on the message.
        channel_session_user: Whether they find the user of that session too.
        message: The message that this instance is for.
        kwargs: What the filters of the route found.
    """

    method_mapping: ClassVar[Mapping[str, str]] = {}
    channel_session: bool = False
    channel_session_user: bool = False

    def __init__(self, message: Message, **kwargs: Any) -> None:
        self.message = message
        self.kwargs = kwargs

    @classproperty
    def uses_channel_session(cls) -> bool:  # read from the class, so there is no self
        """Whether messages open the channel session, which then ends with the connection; routing asks this."""
        return cls.channel_session or cls.channel_session_user

    @classmethod
    def channel_names(cls) -> set[str]:
        """Return the channels whose messages this class takes."""
        return set(cls.method_mapping)

    @classmethod
    def as_route(cls, attrs: Mapping[str, Any] | None = None, **filters: str | bytes) -> Route:
        """
        Return a route to this class.

        Args:
            attrs: Attributes that are different for this route only.
            filters: As for :func:`~zmqlayer.worker.route`.

        Raises:
            InvalidRoutingError: A filter is no regular expression, or has a group without a name.
        """
        if not attrs:
            return route_class(cls, **filters)
        varied = type(cls.__name__, (cls,), {"__module__": cls.__module__, "__qualname__": cls.__qualname__, **attrs})
        return route_class(varied, **filters)

    def get_handler(self, message: Message, **kwargs: Any) -> Callable[..., Any]:
        """
        Return what takes *message*: a method, in the decorators that the attributes ask for.

        Raises:
            InvalidRoutingError: ``method_mapping`` does not name the channel, or names no method.
        """
        method = self._method_for(message.channel.name)
        if self.channel_session_user:
            return channel_session_user(method)
        return channel_session(method) if self.channel_session else method

    def dispatch(self, message: Message, **kwargs: Any) -> Any:
        """Consume *message*; what a method returns comes back, so that the worker can await it."""
        return self.get_handler(message, **kwargs)(message, **kwargs)

    def _method_for(self, channel: str) -> Callable[..., Any]:
        method: Callable[..., Any] | None = getattr(self, self.method_mapping.get(channel, ""), None)
        if method is None:
            raise InvalidRoutingError(type(self), f"has no method for messages on {channel!r}: see its method_mapping")
        return method
