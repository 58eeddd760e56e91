"""Routes: the hosts of a node that are tried, and for how long."""

from __future__ import annotations

import math

from support.strategies import node
from zmqlayer.routes import Routes

X, Y = node(1), node(2)
HERE, THERE = "tcp://10.0.0.1:1", "tcp://10.0.0.2:1"


def test_each_host_is_tried_once() -> None:
    """All at the same time, and not again while they are."""
    routes = Routes(8)

    assert routes.begin(X, [HERE, THERE, HERE], 7, 2.0) == (HERE, THERE)
    assert routes.begin(X, [HERE], 8, 3.0) == ()
    assert len(routes) == 1


def test_it_is_known_where_a_host_leads() -> None:
    """An address belongs to the node for which it is tried."""
    routes = Routes(8)
    routes.begin(X, [HERE], 7, 2.0)

    assert routes.leads(X, HERE) and routes.serves(HERE)
    assert not (routes.leads(X, THERE) or routes.leads(Y, HERE) or routes.serves(THERE))


def test_the_end_gives_back_what_was_begun() -> None:
    """Whoever found a way needs the number it went by, and hangs up the others."""
    routes = Routes(8)
    routes.begin(X, [HERE, THERE], 7, 2.0)

    assert routes.end(X) == ((HERE, THERE), 7)
    assert routes.end(X) == ((), None)
    assert len(routes) == 0


def test_trials_end() -> None:
    """Each at its own time."""
    routes = Routes(8)
    routes.begin(X, [HERE], 7, 2.0)
    routes.begin(Y, [THERE], 7, 3.0)

    assert (routes.next_at(), routes.overdue(1.9), routes.overdue(2.0)) == (2.0, [], [X])
    assert Routes(8).next_at() == math.inf


def test_trials_have_a_bound() -> None:
    """Beyond it a node is left to greet again."""
    routes = Routes(1)
    routes.begin(X, [HERE], 7, 2.0)

    assert routes.begin(Y, [THERE], 7, 2.0) == ()
