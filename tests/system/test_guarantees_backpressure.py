"""A sender is told at once and exactly when there is no room, and memory stays flat however hard it tries."""

from __future__ import annotations

import pytest

from support.node_process import NodeProcess, Nodes, wait_until
from zmqlayer.codec import encode

pytestmark = pytest.mark.system

CAPACITY = 100
FLOOD = 200_000
GROWTH_BYTES = 8_000_000
BLOCKED_S = 0.5
"""A call that waits for the peer would wait for as long as that stands still; a busy machine may hold one this long."""
SOON_S = 5.0


@pytest.fixture
def reader(nodes: Nodes) -> NodeProcess:
    """A node that owns channels and does not read them."""
    return nodes.start()


@pytest.fixture
def sender(nodes: Nodes, reader: NodeProcess) -> NodeProcess:
    """A node that is linked to the reader."""
    return nodes.start(reader)


@pytest.fixture
def channel(reader: NodeProcess) -> str:
    """A process channel of the reader."""
    return str(reader.call("new_channel", pattern="inbox!"))


def test_the_send_beyond_capacity_raises_when_the_reader_stands_still(
    reader: NodeProcess, sender: NodeProcess, channel: str
) -> None:
    """A stopped process: 100 are accepted and no more; when it goes on it gets these, in order."""
    reader.pause()

    outcome = sender.call("fill", channel=channel, attempts=2 * CAPACITY)

    reader.resume()
    assert (outcome["accepted"], outcome["refused"]) == (CAPACITY, CAPACITY)
    assert reader.call("take", channel=channel, count=CAPACITY + 1, wait_s=0.5) == list(range(CAPACITY))


def test_what_the_reader_took_makes_room_for_as_much(reader: NodeProcess, sender: NodeProcess, channel: str) -> None:
    """The 101st raises; after 30 were read 30 are accepted and the next raises again."""
    sender.call("fill", channel=channel, attempts=CAPACITY + 1)
    reader.call("take", channel=channel, count=30, wait_s=SOON_S)
    accepted = 0

    def fill() -> bool:
        nonlocal accepted
        accepted += sender.call("fill", channel=channel, attempts=CAPACITY)["accepted"]
        return accepted >= 30

    wait_until(fill, SOON_S, "the reader's report opens the window")
    assert accepted == 30


@pytest.mark.parametrize("stands_still", [False, True], ids=["does not read", "stands still"])
def test_a_flood_neither_blocks_nor_grows(
    reader: NodeProcess, sender: NodeProcess, channel: str, stands_still: bool
) -> None:
    """200,000 messages at full speed for one channel: all but 100 are refused at once, and no side grows."""
    before = sender.call("memory"), reader.call("memory")
    if stands_still:
        reader.pause()

    outcome = sender.call("fill", channel=channel, attempts=FLOOD, size=1000)

    reader.resume()
    assert (outcome["accepted"], outcome["refused"]) == (CAPACITY, FLOOD - CAPACITY)
    assert outcome["longest_s"] < BLOCKED_S
    assert sender.call("memory") - before[0] < GROWTH_BYTES
    assert reader.call("memory") - before[1] < GROWTH_BYTES


def test_a_full_named_channel_raises(sender: NodeProcess) -> None:
    """Nobody reads it: the queue of this sender holds 100, and the next is refused with nothing queued."""
    outcome = sender.call("fill", channel="jobs", attempts=FLOOD)

    assert (outcome["accepted"], outcome["refused"]) == (CAPACITY, FLOOD - CAPACITY)
    assert sender.call("statistics")["in_flight"] == CAPACITY
    assert outcome["longest_s"] < BLOCKED_S


def test_a_peer_over_its_bytes_raises(nodes: Nodes, reader: NodeProcess, channel: str) -> None:
    """The channel would take thousands; 2 MB outstanding to its process are the end of it, to the byte."""
    size, budget = 50_000, 2_000_000
    sender = nodes.start(reader, capacity=10_000, peer_bytes=budget)

    outcome = sender.call("fill", channel=channel, attempts=100, size=size)

    fits = budget // len(encode(channel, {"s": "s", "n": 0, "x": bytes(size)}, 10 * size))
    assert outcome["accepted"] == fits
    assert outcome["reason"] == "peer bytes"


@pytest.mark.parametrize("kind", ["process", "named"])
def test_what_expired_takes_no_room(nodes: Nodes, reader: NodeProcess, channel: str, kind: str) -> None:
    """A full channel accepts as much again once its messages are a second old; the books say that they expired."""
    sender = nodes.start(reader, expiry=1.0)
    name = channel if kind == "process" else "jobs"
    assert sender.call("fill", channel=name, attempts=2 * CAPACITY)["accepted"] == CAPACITY
    accepted = 0

    def fill() -> bool:
        nonlocal accepted
        accepted += sender.call("fill", channel=name, attempts=CAPACITY - accepted)["accepted"]
        return accepted == CAPACITY

    wait_until(fill, SOON_S, "what expired makes room")
    holder = reader if kind == "process" else sender
    wait_until(lambda: holder.call("statistics")["expired"] == 2 * CAPACITY, SOON_S, "all have expired")
    assert sender.call("statistics")["refused"] >= CAPACITY
