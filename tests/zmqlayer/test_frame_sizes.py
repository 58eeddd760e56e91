"""What nodes report of many channels leaves in frames that ZeroMQ lets through: a larger one ends the connection."""

from __future__ import annotations

from typing import Any

import pytest

from support.network import assert_settled, hear, joined
from zmqlayer.frames import FRAME_SLACK, Kind

MAX_MESSAGE_SIZE = 100
MOST_BYTES = MAX_MESSAGE_SIZE + FRAME_SLACK


@pytest.fixture
def mesh() -> tuple[Any, ...]:
    """Two nodes, and as many channels of the second as three frames can name; each has a message of the first."""
    network, a, b = joined("a", "b", max_message_size=MAX_MESSAGE_SIZE, peer_bytes=100_000)
    channels = [b.new_channel("x" * 50) for _ in range(1_100)]
    for channel in channels:
        a.send(channel, {"n": 1})
    network.run(0.1)
    return network, a, b, channels


def test_what_was_read(mesh: tuple[Any, ...]) -> None:
    """However many channels were read at once."""
    network, a, b, channels = mesh
    reports = hear(a, Kind.CONSUMED)

    b.take_all(*channels)
    network.run(0.1)

    assert len(reports) == 3
    assert max(map(len, reports)) <= MOST_BYTES
    assert a.mesh.is_read("x")
    assert_settled(a, b)


def test_which_channels_are_closed(mesh: tuple[Any, ...]) -> None:
    """All of them are told."""
    network, a, b, channels = mesh
    reports = hear(a, Kind.CONSUMED)

    for channel in channels:
        b.mesh.close_channel(channel, network.now)
    network.pump(b)
    network.run(0.1)

    assert max(map(len, reports)) <= MOST_BYTES
    assert not any(a.mesh.notices.is_open(channel) for channel in channels)
    assert a.mesh.is_read("x")


def test_what_is_held_after_a_cut(mesh: tuple[Any, ...]) -> None:
    """It is not said if it is too much; then windows open by and by, and the link comes up all the same."""
    network, a, b, _ = mesh
    tallies = hear(a, Kind.TALLY)

    network.cut(a, b)
    network.run(1.0)

    assert max(map(len, tallies)) <= MOST_BYTES
    assert a.sees(b) == "ready"
