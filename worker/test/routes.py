"""``apply_routes``: other routes than those of the settings, for one test."""

from __future__ import annotations

import functools
import unittest
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ContextDecorator, contextmanager
from typing import Any, Final, cast

from asgiref.sync import iscoroutinefunction

from zmqlayer.worker.exceptions import InvalidRoutingError
from zmqlayer.worker.handler import ViewConsumer
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER
from zmqlayer.worker.routing import Consumer, Include, Route, Router, Routing, include, load_routing

__all__ = ["apply_routes", "reading", "router_for"]

_applied: Final[dict[str, list[Routing]]] = {}
"""By alias: the routings that are in force, the innermost last."""

_read: Final[dict[str, frozenset[str]]] = {}
"""By alias: the channels that workers of a live site read, which goes on while routes change."""


class apply_routes(ContextDecorator):  # it is used like a function
    """
    Routes for a function, a method, all test methods of a class, or a ``with`` block.

    Args:
        routes: One route, or whatever a routing may be; a list may have lists of routes in it.
        aliases: Of ``CHANNEL_LAYERS``; the default one only if None.
        append: Put the routes behind those that are in force, instead of replacing them.

    Raises:
        InvalidRoutingError: On entering, if it is no routing, or has channels that the workers of a live site do not
            read.
    """

    def __init__(
        self,
        routes: Route | Include | Routing | Sequence[Sequence[Route | Include]],
        aliases: Iterable[str] | None = None,
        append: bool = False,
    ) -> None:
        self.routes: Any = [routes] if isinstance(routes, Route | Include) else routes
        self.aliases = [DEFAULT_CHANNEL_LAYER] if aliases is None else list(aliases)
        self.append = append

    def __enter__(self) -> None:
        routes = _with_lists_included(self.routes)
        for alias, routing in [(alias, self._routing_for(alias, routes)) for alias in self.aliases]:
            _applied.setdefault(alias, []).append(routing)

    def __exit__(self, *exc: object) -> None:
        for alias in self.aliases:
            _applied[alias].pop()

    def __call__(self, decorated: Any) -> Any:
        """
        Return *decorated* with the routes in force while it runs.

        In a class of :mod:`unittest` they are in force for ``setUp`` and ``tearDown`` too, and in its subclasses; in
        another class for each method whose name begins with ``test``.
        """
        if not isinstance(decorated, type):
            return self._around_coroutine(decorated) if iscoroutinefunction(decorated) else super().__call__(decorated)
        names = ["run"] if issubclass(decorated, unittest.TestCase) else _tests_of(decorated)
        for name in names:
            setattr(decorated, name, self(getattr(decorated, name)))
        return decorated

    def _routing_for(self, alias: str, routes: Routing) -> Routing:
        routing: Routing = [include(routing_of(alias)), include(routes)] if self.append else routes
        channels = Router(routing).channels  # complains of what is none
        unread = channels - _read.get(alias, channels)
        if unread:
            problem = "which nobody reads: the workers of the live site have begun. Put apply_routes on the class"
            raise InvalidRoutingError(self.routes, f"has routes for {', '.join(sorted(unread))}, {problem}")
        return routing

    def _around_coroutine(self, function: Any) -> Any:
        @functools.wraps(function)
        async def inner(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await function(*args, **kwargs)

        return inner


def _with_lists_included(routes: Any) -> Routing:
    if not isinstance(routes, list | tuple):
        return cast(Routing, routes)
    return [include(each) if isinstance(each, list | tuple) else each for each in routes]


def _tests_of(cls: type) -> list[str]:
    return [name for name in dir(cls) if name.startswith("test") and callable(getattr(cls, name))]


@contextmanager
def reading(alias: str, channels: Iterable[str]) -> Iterator[None]:
    """Let only *channels* have routes while workers of a live site read these, and no others."""
    _read[alias] = frozenset(channels)
    try:
        yield
    finally:
        del _read[alias]


def routing_of(alias: str) -> Routing:
    """Return the routing that is in force for *alias*."""
    applied = _applied.get(alias)
    return applied[-1] if applied else load_routing(alias)


def router_for(alias: str, http_consumer: Consumer | None = None) -> Router:
    """
    Return the router that a worker of *alias* would have, with the default routes.

    Raises:
        InvalidRoutingError: The routing cannot be used.
    """
    router = Router(routing_of(alias))
    router.check_default(http_consumer or ViewConsumer())
    return router
