"""What nobody cleans up, in virtual time: unread messages, idle readers and forgotten channels end by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.network import joined
from support.sizes import table_sizes

CHANNELS = 500
EXPIRED_S = 75.0  # messages after 60 s, their windows when the owner has reported them
GROUP_EXPIRY_S = 100.0


def leave_unread(network: Any, one: Any, two: Any, n: int) -> None:
    """A message to a process channel that nobody reads."""
    one.send(two.new_channel(), {"n": n})


def leave_queued(network: Any, one: Any, two: Any, n: int) -> None:
    """A message to a named channel that nobody reads."""
    one.send(f"jobs.{n}", {"n": n})


def read_named(network: Any, one: Any, two: Any, n: int) -> None:
    """A named channel that is read once, and never again."""
    two.wait(f"jobs.{n}")
    one.send(f"jobs.{n}", {"n": n})
    network.run(0.01)
    assert two.take(f"jobs.{n}") == {"n": n}
    two.unwait(f"jobs.{n}")


def wait_in_vain(network: Any, one: Any, two: Any, n: int) -> None:
    """A reader that gives up."""
    two.wait(f"jobs.{n}")
    two.unwait(f"jobs.{n}")


def forget_group(network: Any, one: Any, two: Any, n: int) -> None:
    """A member of a group of its own that never leaves, and gets a message that it never reads."""
    two.group_add(f"room.{n}", two.new_channel())
    network.run(0.01)
    one.group_send(f"room.{n}", {"n": n})


@pytest.mark.parametrize(
    "leave", [leave_unread, leave_queued, read_named, wait_in_vain, forget_group], ids=lambda leave: leave.__name__
)
def test_what_is_left_behind_ends(leave: Callable[..., None]) -> None:
    """Five hundred of each kind are gone when their time is up, at both ends."""
    settings: dict[str, Any] = {"group_expiry": GROUP_EXPIRY_S, "peer_messages": 10_000}
    network, one, two = joined("one", "two", **settings)
    before = [table_sizes(node.mesh) for node in (one, two)]
    for n in range(CHANNELS):
        leave(network, one, two, n)
    network.run(1.0)
    during = [table_sizes(node.mesh) for node in (one, two)]

    for node in (one, two):
        node.events.clear()
    network.run(EXPIRED_S + GROUP_EXPIRY_S)

    after = [table_sizes(node.mesh) for node in (one, two)]
    assert max(sum(sizes.values()) for sizes in during) > CHANNELS
    for was, now in zip(before, after, strict=True):
        # Tallies never end: they are bounded by their number, see Tallies.
        grown = {name: size for name, size in now.items() if size > was.get(name, 0) + 5 and "tallies" not in name}
        assert grown == {}
