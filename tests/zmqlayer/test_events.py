"""Events: what an interest waits for."""

from __future__ import annotations

import pytest

from zmqlayer.events import Completed, InboxKey, Interest


@pytest.mark.parametrize(
    ("interest", "keys"),
    [
        (Interest((), ()), ()),
        (Interest(("x!a", "y!"), ()), ("x!a", "y!")),
        (Interest((), ("a", "b")), (("a", "b"),)),
        (Interest(("x!a",), ("a",)), ("x!a", ("a",))),
    ],
)
def test_an_interest_has_keys(interest: Interest, keys: tuple[InboxKey, ...]) -> None:
    """Each process channel is waited for by itself, and all named channels together."""
    assert interest.keys == keys


def test_a_request_ends_with_nothing_by_default() -> None:
    """A request that asked nobody has no answers and misses none; no two share them."""
    assert Completed(1) == Completed(1, {}, frozenset())
    assert Completed(1).answers is not Completed(1).answers
