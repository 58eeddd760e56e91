"""Follows: who hears of the end of which channel."""

from __future__ import annotations

from collections.abc import Hashable

from support.strategies import node
from zmqlayer.follows import Follows

ONE, TWO = node(1), node(2)


class Ends(list[Hashable]):
    """Who was told, of four that follow three channels of two nodes."""

    def __init__(self) -> None:
        self.follows = Follows(self.append)
        for token, owner, channel in (("a", ONE, "x!1"), ("b", ONE, "x!1"), ("c", ONE, "x!2"), ("d", TWO, "y!1")):
            self.follows.add(token, owner, channel)


def test_a_closed_channel_is_told_to_its_followers() -> None:
    """To each of them once, and to no one else."""
    ends = Ends()

    ends.follows.closed(ONE, "x!1")
    ends.follows.closed(ONE, "x!1")
    ends.follows.closed(TWO, "x!2")

    assert ends == ["a", "b"]


def test_a_node_takes_all_its_channels_along() -> None:
    """Whoever follows one of them is told; who follows another's is not."""
    ends = Ends()

    ends.follows.gone(ONE)
    ends.follows.gone(ONE)

    assert (ends, ends.follows.owners, len(ends.follows)) == (["a", "b", "c"], [TWO], 1)


def test_who_follows_no_more_is_not_told() -> None:
    """Giving up twice, or after the end, changes nothing."""
    ends = Ends()

    ends.follows.cancel("a")
    ends.follows.cancel("a")
    ends.follows.gone(ONE)
    ends.follows.cancel("b")

    assert ends == ["b", "c"]
