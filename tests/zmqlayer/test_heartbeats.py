"""Heartbeats: when they are due, which are pushed, and what they say of their sender."""

from __future__ import annotations

import pytest

from zmqlayer.config import Timing
from zmqlayer.heartbeats import PUSHED_EVERY, Beat, Heartbeats, read_lag_ms, read_pace, to_hundredths
from zmqlayer.names import NodeId

FEW, MANY, FAR_TOO_MANY = 20, 100, 10_000


def beats_until(end: float, peers: int) -> list[tuple[float, Beat]]:
    """Return the beats up to *end*, each with its time."""
    heartbeats, beats = Heartbeats(Timing()), []
    while (now := heartbeats.next_at) <= end:
        beat = heartbeats.due(peers, now)
        assert beat is not None
        assert heartbeats.due(peers, now) is None
        beats.append((now, beat))
    return beats


@pytest.mark.parametrize(("peers", "every_s"), [(FEW, 1.0), (MANY, 5.0), (FAR_TOO_MANY, 10.0)])
def test_a_node_with_many_peers_beats_slower(peers: int, every_s: float) -> None:
    """A beat each second, less often with more than 20 peers, and each ten at least; it says how often."""
    assert [at for at, _ in beats_until(60.0, peers)] == [every_s * number for number in range(int(60 / every_s) + 1)]
    assert {beat.pace for _, beat in beats_until(60.0, peers)} == {every_s}


NODES = [NodeId(bytes(15) + bytes([number])) for number in range(100)]


def test_with_few_peers_every_beat_is_pushed_to_all() -> None:
    """A node with few peers proves both ways with each beat."""
    assert all(beat.is_pushed_to(node_id) for _, beat in beats_until(9.0, FEW) for node_id in NODES)


def test_with_many_peers_each_beat_is_pushed_to_a_quarter() -> None:
    """A node with many pushes to a quarter of them in turn, so that it has as much to do with each beat."""
    beats = [beat for _, beat in beats_until(5.0 * (2 * PUSHED_EVERY - 1), MANY)]

    assert [sum(map(beat.is_pushed_to, NODES)) for beat in beats] == [25] * 8
    for node_id in NODES:
        numbers = [beat.number for beat in beats if beat.is_pushed_to(node_id)]
        assert numbers == [numbers[0], numbers[0] + PUSHED_EVERY]


def test_the_longest_delay_is_told_once() -> None:
    """A beat says by how much the node's loop was late at worst since the one before."""
    heartbeats = Heartbeats(Timing())
    for lateness_s in (0.01, 0.25, 0.1):
        heartbeats.was_late(lateness_s)

    told = [beat.lag_ms for now in (0.0, 1.0) if (beat := heartbeats.due(1, now))]

    assert told == [250, 0]


@pytest.mark.parametrize("pace", [1.0, 2.5, 10.0])
def test_a_pace_is_read_as_it_was_said(pace: float) -> None:
    """Frames carry it in hundredths."""
    assert read_pace({"pace": to_hundredths(pace)}) == pace


@pytest.mark.parametrize(("said", "pace"), [(5, 1.0), (-100, 1.0), (99_999, 10.0), ("fast", 1.0), (None, 1.0)])
def test_a_pace_has_bounds(said: object, pace: float) -> None:
    """Nobody wins more time than there is, whatever it says."""
    assert (read_pace({"pace": said}), read_pace({})) == (pace, 1.0)


@pytest.mark.parametrize(("said", "lag_ms"), [(7, 7), ("long", 0), (None, 0), (1.5, 0)])
def test_a_lag_that_is_no_number_is_none(said: object, lag_ms: int) -> None:
    """It is shown to people only."""
    assert (read_lag_ms({"lag_ms": said}), read_lag_ms({})) == (lag_ms, 0)
