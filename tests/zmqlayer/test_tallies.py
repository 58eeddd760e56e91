"""Tallies: counted by family, by the second, and in bounded space."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.tallies import Tallies, family_of


@pytest.mark.parametrize(
    ("channel", "family"),
    [("jobs", "jobs"), ("reply.x!", "reply.x!"), ("reply.x!1", "reply.x!"), ("body?x1", "body?"), ("a?b", "a?")],
)
def test_short_lived_channels_count_together(channel: str, family: str) -> None:
    """What follows the mark makes no difference."""
    assert family_of(channel) == family


def test_messages_are_counted_by_channel_and_in_all() -> None:
    """Sent and refused apart."""
    tallies = Tallies(10)
    for channel, count in (("jobs", 3), ("reply!1", 1), ("reply!2", 1)):
        for _ in range(count):
            tallies.count_sent(family_of(channel), 5.0)
    tallies.count_refused("jobs", 5.0)

    assert (tallies.look_at("jobs").sent, tallies.look_at("jobs").refused) == (3, 1)
    assert tallies.look_at("reply!3").sent == 2
    assert tallies.sums(5.0) == (5, 1, 0, 0)


def test_rates_are_those_of_the_last_full_second() -> None:
    """The present second counts when it is over; a pause brings the rate to nothing."""
    tallies = Tallies(10)
    for now in (5.0, 5.5, 5.9):
        tallies.count_sent("jobs", now)
    tallies.count_refused("jobs", 5.9)
    tallies.count_sent("jobs", 6.1)
    tally = tallies.look_at("jobs")

    assert [tally.rates(now) for now in (6.2, 7.9, 8.0)] == [(3, 1), (1, 0), (0, 0)]
    assert (tally.sent, tally.refused) == (4, 1)


def test_looking_leaves_nothing() -> None:
    """A channel that was only asked about takes no place."""
    tallies = Tallies(10)

    assert tallies.look_at("jobs").sent == 0
    assert len(tallies) == 0


@given(st.lists(st.sampled_from([f"channel.{n}" for n in range(20)]), max_size=200), st.integers(1, 8))
def test_space_is_bounded_and_sums_are_exact(channels: list[str], most: int) -> None:
    """However many channels come and go, no more than *most* are kept, and the sums lose nothing."""
    tallies = Tallies(most)
    for second, channel in enumerate(channels):
        tallies.count_sent(channel, float(second))
        assert len(tallies) <= most

    assert tallies.sums(1000.0)[0] == len(channels)


def test_busy_channels_are_kept() -> None:
    """What was used lately survives a crowd of others."""
    tallies = Tallies(8)
    for second in range(100):
        tallies.count_sent("busy", float(second))
        tallies.count_sent(f"other.{second}", float(second))

    assert tallies.look_at("busy").sent == 100
