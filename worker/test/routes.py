"""``apply_routes``: other routes than those of the settings, for one test."""

from __future__ import annotations

import functools
import unittest
from collections.abc import Iterable
from contextlib import ContextDecorator
from typing import Any, Final

from asgiref.sync import iscoroutinefunction

from zmqlayer.worker.handler import ViewConsumer
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER
from zmqlayer.worker.routing import Consumer, Include, Route, Router, Routing, include, load_routing

__all__ = ["apply_routes", "router_for"]

_applied: Final[dict[str, list[Routing]]] = {}
"""By alias: the routings that are in force, the innermost last."""


class apply_routes(ContextDecorator):  # it is used like a function
    """
    Routes for a function, a method, all test methods of a class, or a ``with`` block.

    Args:
        routes: One route, or whatever a routing may be.
        aliases: Of ``CHANNEL_LAYERS``; the default one only if None.
        append: Put the routes behind those that are in force, instead of replacing them.

    Raises:
        InvalidRoutingError: On entering, if it is no routing.
    """

    def __init__(
        self, routes: Route | Include | Routing, aliases: Iterable[str] | None = None, append: bool = False
    ) -> None:
        self.routes: Routing = [routes] if isinstance(routes, Route | Include) else routes
        self.aliases = [DEFAULT_CHANNEL_LAYER] if aliases is None else list(aliases)
        self.append = append

    def __enter__(self) -> None:
        for alias in self.aliases:
            routing: Routing = [include(routing_of(alias)), include(self.routes)] if self.append else self.routes
            Router(routing)  # complains of what is none
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

    def _around_coroutine(self, function: Any) -> Any:
        @functools.wraps(function)
        async def inner(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await function(*args, **kwargs)

        return inner


def _tests_of(cls: type) -> list[str]:
    return [name for name in dir(cls) if name.startswith("test") and callable(getattr(cls, name))]


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
