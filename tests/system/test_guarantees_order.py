"""First in, first out from one sender to one process channel, whatever carries the message."""

from __future__ import annotations

import pytest

from support.node_process import Nodes

pytestmark = pytest.mark.system

ROUNDS = 100_000
CAPACITY = 10_000
WITHIN_S = 50.0


def test_send_and_group_send_keep_one_order(nodes: Nodes) -> None:
    """A channel, its group, the channel again, a hundred thousand times: nothing overtakes, nothing is missing."""
    reader = nodes.start(capacity=CAPACITY)
    sender = nodes.start(reader, capacity=CAPACITY)
    channel = reader.call("new_channel", pattern="inbox!")
    reader.call("group_add", group="room", channel=channel)

    reader.begin("count_order", channel=channel, count=3 * ROUNDS, wait_s=10.0)
    sender.begin("interleave", channel=channel, group="room", rounds=ROUNDS)

    sender.result(WITHIN_S)
    assert reader.result(WITHIN_S) == {"received": 3 * ROUNDS, "inversions": 0}
