"""Joining: when a node that has just started knows its mesh."""

from __future__ import annotations

import pytest

from zmqlayer.joining import Joining


def begun(*, is_settled: bool) -> Joining:
    """Return a node that gives up at second 1.5."""
    joining = Joining()
    joining.give_up_at, joining.is_settled = 1.5, is_settled
    return joining


@pytest.mark.parametrize(
    ("is_settled", "is_linking", "now", "ends"),
    [
        (False, False, 0.0, False),
        (True, True, 0.0, False),
        (True, False, 0.0, True),
        (False, True, 1.4, False),
        (False, True, 1.5, True),
    ],
)
def test_a_node_has_joined_when_all_that_was_named_is_linked(
    is_settled: bool, is_linking: bool, now: float, ends: bool
) -> None:
    """Or, at the latest, when its patience ends."""
    assert begun(is_settled=is_settled).ends(lambda: is_linking, now) is ends


def test_a_node_joins_once() -> None:
    """Later links change nothing any more."""
    joining = begun(is_settled=True)
    assert joining.next_at() == 1.5

    joining.ends(lambda: False, 0.0)

    assert joining.is_over
    assert joining.next_at() == float("inf")
    assert not joining.ends(lambda: False, 0.1)


def test_who_has_joined_asks_no_more() -> None:
    """To find out whether a link may come up takes a look at all that were named."""
    joining, asked = begun(is_settled=True), []

    for now in (0.0, 0.1, 0.2):
        joining.ends(lambda: bool(asked.append(now)), now)  # noqa: B023  # asked at once, or never

    assert asked == [0.0]
