"""
Which consumer gets a message: routes, includes and the router over them.

::

    routes = [
        route("websocket.receive", "chat.consumers.chat_receive", path=r"^/chat/(?P<room>[a-z]+)/$"),
        include("blog.routing.routes", path=r"^/blog"),
    ]

A filter is a regular expression that must match (as :func:`re.match` does) the message's value under that
key. Its named groups become the consumer's keyword arguments. An ``include`` takes the part that its
prefix matched off before its own routes look; the consumer still sees the whole value. The first route
that fits wins; the defaults of :meth:`Router.check_default` come last.
"""

from __future__ import annotations

import functools
import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.utils.module_loading import import_string

from zmqlayer.messages import (
    HTTP_DISCONNECT,
    HTTP_REQUEST,
    WEBSOCKET_CONNECT,
    WEBSOCKET_DISCONNECT,
    WEBSOCKET_RECEIVE,
)
from zmqlayer.names import check_channel
from zmqlayer.worker.connections import are_minded_by
from zmqlayer.worker.exceptions import AcceptConnection, InvalidRoutingError
from zmqlayer.worker.handler import ViewConsumer
from zmqlayer.worker.layers import layer_settings
from zmqlayer.worker.message import Message
from zmqlayer.worker.sessions import channel_session, uses_channel_session

__all__ = [
    "Consumer",
    "Include",
    "Match",
    "Route",
    "RouteClass",
    "Router",
    "Routing",
    "connect_consumer",
    "consumer_name",
    "include",
    "load_routing",
    "null_consumer",
    "route",
    "route_class",
]

Consumer = Callable[..., Any]
"""Called with a message, and the named groups of the route's filters as keyword arguments."""

Routing: TypeAlias = "str | Mapping[str, Consumer | str] | Iterable[Route | Include]"
"""A list of routes and includes, a dict of channel name to consumer, or the dotted path of either."""


class Match(NamedTuple):
    """
    The consumer that a message goes to.

    Attributes:
        kwargs: Its keyword arguments.
        is_async: Whether calling the consumer runs nothing of it, but gives a coroutine.
        minds_connections: Whether it minds connections to the database itself.
        name: Its dotted name, for people to read.
    """

    consumer: Consumer
    kwargs: dict[str, Any]
    is_async: bool
    minds_connections: bool
    name: str

    def call(self, message: Message) -> Any:
        """Call the consumer; returns what it returns, perhaps a coroutine."""
        return self.consumer(message, **self.kwargs)


class Route:
    """
    Sends messages of some channels to one consumer.

    Args:
        channels: One channel name, or several.
        consumer: A function, a coroutine function, a class of :mod:`zmqlayer.worker.generic`, or the dotted path of
            one, which is imported now.
        filters: Regular expressions for the message's values, by key.

    Raises:
        InvalidName: A channel name is outside the grammar.
        InvalidRoutingError: The consumer cannot be imported or called, or a filter is no regular expression or has a
            group without a name.
    """

    def __init__(self, channels: str | Sequence[str], consumer: Consumer | str, **filters: str | bytes) -> None:
        names = (channels,) if isinstance(channels, str) else tuple(channels)
        self.channels = tuple(check_channel(name) for name in names)
        self.consumer = _load_consumer(consumer)
        self.filters = _compile(filters, self)
        # Found out once: each look costs as much as a match.
        is_async, is_minder = _gives_coroutine(self.consumer), are_minded_by(self.consumer)
        self._match = Match(self.consumer, {}, is_async, is_minder, consumer_name(self.consumer))

    def __repr__(self) -> str:
        return f"<Route {', '.join(self.channels)} -> {consumer_name(self.consumer)}>"

    def match(self, channel: str, values: Mapping[str, Any]) -> Match | None:
        """Return the consumer for a message on *channel* that holds *values*, or None if it is not for this route."""
        if channel not in self.channels:
            return None
        if not self.filters:
            return self._match
        kwargs: dict[str, Any] = {}
        for key, pattern in self.filters.items():
            found = _match_value(pattern, values.get(key))
            if found is None:
                return None
            kwargs.update(found.groupdict())
        return self._match._replace(kwargs=kwargs)

    def channel_names(self) -> set[str]:
        """Return the channels a worker must read for this route."""
        return set(self.channels)

    def consumers(self) -> Iterator[Consumer]:
        """Iterate over the consumers behind this route."""
        yield self.consumer


class RouteClass(Route):
    """
    Sends the messages that a consumer class names to an instance of it, made for each message.

    Args:
        consumer: The class, or its dotted path; its ``channel_names`` says which channels it wants.
        filters: As for :class:`Route`.

    Raises:
        InvalidRoutingError: It is no such class.
    """

    def __init__(self, consumer: type | str, **filters: str | bytes) -> None:
        found = _import(consumer, "a consumer") if isinstance(consumer, str) else consumer
        if not (isinstance(found, type) and hasattr(found, "channel_names")):
            raise InvalidRoutingError(found, "is not a consumer class: it has no channel_names()")
        super().__init__(sorted(found.channel_names()), found, **filters)


class Include:
    """
    A routing inside another one, behind optional prefixes.

    Args:
        routing: As for :class:`Router`.
        prefixes: Regular expressions, by key; what they match is hidden from the included routes.

    Raises:
        InvalidRoutingError: The routing cannot be imported, or a prefix is no regular expression or has a group
            without a name.
    """

    def __init__(self, routing: Routing, **prefixes: str | bytes) -> None:
        self.routing: list[Route | Include] = []
        self.prefixes = _compile(prefixes, routing)
        self._by_channel: dict[str, list[Route | Include]] = {}
        for entry in _resolve(routing):
            self.add(entry)

    def __repr__(self) -> str:
        return f"<Include of {len(self.routing)} entries>"

    def add(self, entry: Route | Include) -> None:
        """Add *entry* behind all others."""
        self.routing.append(entry)
        for channel in entry.channel_names():
            self._by_channel.setdefault(channel, []).append(entry)

    def match(self, channel: str, values: Mapping[str, Any]) -> Match | None:
        """Return the first fitting consumer behind the prefixes, or None."""
        kwargs: dict[str, Any] = {}
        if self.prefixes:
            found = self._behind_prefixes(values)
            if found is None:
                return None
            kwargs, values = found
        for entry in self._by_channel.get(channel, ()):
            match = entry.match(channel, values)
            if match is not None:
                return match._replace(kwargs={**kwargs, **match.kwargs}) if kwargs else match
        return None

    def _behind_prefixes(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, Any]] | None:
        """Return the named groups of the prefixes and the values without them, or None if some prefix does not fit."""
        kwargs: dict[str, Any] = {}
        shortened: dict[str, Any] = {}
        for key, pattern in self.prefixes.items():
            found = _match_value(pattern, values.get(key))
            if found is None:
                return None
            kwargs.update(found.groupdict())
            shortened[key] = found.string[found.end() :]
        return kwargs, ChainMap(shortened, values)  # type: ignore[arg-type]  # it is only read

    def channel_names(self) -> set[str]:
        """Return the channels a worker must read for the included routes."""
        return set(self._by_channel)

    def consumers(self) -> Iterator[Consumer]:
        """Iterate over the consumers behind the included routes."""
        for entry in self.routing:
            yield from entry.consumers()


class Router:
    """
    The routes of a worker.

    Args:
        routing: A list of routes and includes, a dict of channel name to consumer, or the dotted path of either.

    Raises:
        InvalidRoutingError: It is none of these, or cannot be imported.
    """

    def __init__(self, routing: Routing) -> None:
        self.root = Include(routing)

    def __repr__(self) -> str:
        return f"<Router [{', '.join(sorted(self.channels))}]>"

    @property
    def channels(self) -> set[str]:
        """The channels a worker must read."""
        return self.root.channel_names()

    def add_route(self, entry: Route | Include) -> None:
        """Add *entry* behind all others."""
        self.root.add(entry)

    def match(self, message: Message) -> Match | None:
        """Return the consumer for *message* and its keyword arguments, or None."""
        return self.root.match(message.channel_name, message.content)

    def check_default(self, http_consumer: Consumer | None = None) -> None:
        """
        Add what answers the messages that no route wants.

        Requests go to Django's views, WebSockets are accepted, and the rest is ignored. ``http.disconnect`` is read
        only if some route names it: servers do not send it if nobody reads it. Where some consumer uses a channel
        session, it is deleted after every disconnect, even where the consumer of ``websocket.disconnect`` does not
        use one.

        Args:
            http_consumer: Takes the requests in place of Django's views.
        """
        if any(uses_channel_session(consumer) for consumer in self.root.consumers()):
            self.root = _EndsSessions([self.root])
        self.add_route(Route(HTTP_REQUEST, http_consumer or ViewConsumer()))
        self.add_route(Route(WEBSOCKET_CONNECT, connect_consumer))
        self.add_route(Route((WEBSOCKET_RECEIVE, WEBSOCKET_DISCONNECT), null_consumer))
        if HTTP_DISCONNECT in self.channels:
            self.add_route(Route(HTTP_DISCONNECT, null_consumer))


class _EndsSessions(Include):
    """An include whose consumers of ``websocket.disconnect`` all delete the channel session."""

    def match(self, channel: str, values: Mapping[str, Any]) -> Match | None:
        match = super().match(channel, values)
        if match is None or channel != WEBSOCKET_DISCONNECT or uses_channel_session(match.consumer):
            return match
        return match._replace(consumer=channel_session(match.consumer))


def null_consumer(message: Message, **kwargs: Any) -> None:
    """Ignore *message*."""


def connect_consumer(message: Message, **kwargs: Any) -> None:
    """Accept the WebSocket."""
    raise AcceptConnection


def load_routing(alias: str) -> Routing:
    """
    Return the routing that the settings name for the layer *alias*.

    That is ``CHANNEL_LAYERS[alias]["ROUTING"]`` or else ``ZMQLAYER_ROUTING``; none means the defaults only.

    Raises:
        InvalidChannelLayerError: There is no such alias.
    """
    named: Routing | None = layer_settings(alias).get("ROUTING") or getattr(settings, "ZMQLAYER_ROUTING", None)
    return [] if named is None else named


def consumer_name(consumer: Consumer) -> str:
    """Return the dotted name of *consumer*, for people to read."""
    named = consumer if hasattr(consumer, "__qualname__") else type(consumer)
    return f"{named.__module__}.{named.__qualname__}"


def _resolve(routing: Routing) -> list[Route | Include]:
    if isinstance(routing, str):
        return _resolve(_import(routing, "a routing"))
    if isinstance(routing, Mapping):
        return [Route(channel, consumer) for channel, consumer in routing.items()]
    if not isinstance(routing, Iterable):
        raise InvalidRoutingError(routing, "is not a routing: a list of routes, a dict, or the dotted path of either")
    entries = list(routing)
    for entry in entries:
        if not isinstance(entry, Route | Include):
            raise InvalidRoutingError(entry, "is in a routing, where only route(...) and include(...) may be")
    return entries


def _load_consumer(consumer: Consumer | str) -> Consumer:
    loaded = _import(consumer, "a consumer") if isinstance(consumer, str) else consumer
    if not callable(loaded):
        raise InvalidRoutingError(loaded, "is not a consumer: it cannot be called")
    found: Consumer = loaded
    return _instance_for_each(found) if isinstance(found, type) and hasattr(found, "dispatch") else found


def _instance_for_each(cls: Any) -> Consumer:
    """Return a consumer that makes an instance of *cls* for each message and has it dispatch the message."""

    @functools.wraps(cls, updated=())
    def consume(message: Message, **kwargs: Any) -> Any:
        return cls(message, **kwargs).dispatch(message, **kwargs)

    vars(consume)["uses_channel_session"] = uses_channel_session(cls)
    return markcoroutinefunction(consume) if iscoroutinefunction(cls.dispatch) else consume


def _gives_coroutine(consumer: Any) -> bool:
    return bool(iscoroutinefunction(consumer) or iscoroutinefunction(type(consumer).__call__))


def _import(path: str, what: str) -> Any:
    try:
        return import_string(path)
    except ImportError as exc:
        raise InvalidRoutingError(path, f"names {what} that cannot be imported: {exc}") from exc


def _compile(patterns: Mapping[str, str | bytes], owner: object) -> dict[str, re.Pattern[str]]:
    compiled: dict[str, re.Pattern[str]] = {}
    for key, pattern in patterns.items():
        place = f"has {key}={pattern!r}"
        try:
            found = re.compile(pattern.decode("ascii") if isinstance(pattern, bytes) else pattern)
        except (re.error, TypeError, ValueError, OverflowError) as exc:
            raise InvalidRoutingError(owner, f"{place}, which is no regular expression: {exc}") from exc
        if found.groups > len(found.groupindex):
            raise InvalidRoutingError(owner, f"{place} with a group without a name: write (?P<name>...) or (?:...)")
        compiled[key] = found
    return compiled


def _match_value(pattern: re.Pattern[str], value: object) -> re.Match[str] | None:
    if isinstance(value, bytes):
        return pattern.match(value.decode("latin-1"))
    if isinstance(value, str | int | float):
        return pattern.match(str(value))
    return None


# In lower case they read like Django's path() and include() in a list.
route: Final = Route
route_class: Final = RouteClass
include: Final = Include
