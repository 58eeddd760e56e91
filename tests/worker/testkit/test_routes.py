"""``apply_routes``: other routes for a function, a class, or a block."""

from __future__ import annotations

from typing import Any

import pytest

from zmqlayer.worker import Message, route
from zmqlayer.worker.exceptions import InvalidRoutingError
from zmqlayer.worker.test import apply_routes
from zmqlayer.worker.test.routes import reading, router_for, routing_of


def here(message: Message) -> None:
    """A consumer."""


def there(message: Message) -> None:
    """Another."""


def channels(alias: str = "default") -> set[str]:
    """The channels that a worker would read, but for those of the default routes."""
    return {name for name in router_for(alias).channels if not name.startswith(("http.", "websocket."))}


def test_in_a_block() -> None:
    """Inside they are in force, outside those of the settings, whatever happens."""
    with pytest.raises(RuntimeError), apply_routes([route("a", here)]):
        inside = channels()
        raise RuntimeError

    assert (inside, channels()) == ({"a"}, set())


@apply_routes(route("a", here))
def test_for_a_function() -> None:
    """One route need not be in a list."""
    assert channels() == {"a"}


@apply_routes({"a": here})
class TestForAClass:
    """All test methods have them; others do not."""

    def test_one(self) -> None:
        """A test."""
        assert channels() == {"a"}

    @apply_routes([route("b", there)])
    def test_the_inner_one_wins(self) -> None:
        """A method has its own."""
        assert channels() == {"b"}

    @apply_routes([route("b", there)], append=True)
    def test_both(self) -> None:
        """Or its own behind the others."""
        assert channels() == {"a", "b"}


@apply_routes([[route("a", here)], [route("b", there)]])
def test_lists_of_routes() -> None:
    """Several routings in one list, as in Channels 1.x."""
    assert channels() == {"a", "b"}


def test_for_other_aliases() -> None:
    """Each layer has a routing of its own."""
    with apply_routes([route("a", here)], aliases=["default", "other"]):
        assert channels("other") == {"a"}
        assert routing_of("default") is routing_of("other")


def test_beside_workers_that_run() -> None:
    """Those of a live site read what they read: routes for other channels would wait for ever, and are refused."""
    with reading("default", ["a"]):
        with apply_routes(route("a", here)):
            inside = channels()
        with pytest.raises(InvalidRoutingError, match=r"has routes for b, which nobody reads: .* on the class"):
            apply_routes([route("a", here), route("b", there)], aliases=["other", "default"]).__enter__()
        with apply_routes(route("b", there), aliases=["other"]):
            elsewhere = channels("other")

    assert (inside, elsewhere, channels()) == ({"a"}, {"b"}, set())


@pytest.mark.parametrize("routes", ["no.such.routing", [here], [[here]], 7])
def test_what_is_no_routing(routes: Any) -> None:
    """The mistake is told where it is made, and nothing stays in force."""
    with pytest.raises(InvalidRoutingError), apply_routes(routes):
        pytest.fail("this is not reached")

    assert channels() == set()
