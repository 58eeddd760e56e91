"""Closed channels are remembered for a while, and no more of them than was said."""

from __future__ import annotations

from zmqlayer.closures import REMEMBERED_S, Closures


def test_a_closed_channel_is_remembered_for_a_while() -> None:
    """It is known as closed for a minute, and then forgotten."""
    closures = Closures(10)
    closures.add("a!1", 0.0)
    closures.add("a!2", 1.0)

    closures.sweep(REMEMBERED_S - 0.1)
    within = "a!1" in closures.channels
    closures.sweep(REMEMBERED_S)

    assert within
    assert "a!1" not in closures.channels
    assert "a!2" in closures.channels


def test_the_oldest_are_forgotten_first() -> None:
    """A million short-lived channels cost no more than the bound."""
    closures = Closures(2)
    for number in range(3):
        closures.add(f"a!{number}", float(number))

    assert [f"a!{number}" in closures.channels for number in range(3)] == [False, True, True]


def test_closing_again_counts_from_then() -> None:
    """A name that is closed twice is remembered from the second time."""
    closures = Closures(10)
    closures.add("a!1", 0.0)
    closures.add("a!1", 30.0)

    closures.sweep(REMEMBERED_S)

    assert len(closures) == 1


def test_all_are_forgotten_in_the_end() -> None:
    """Nothing is left of what was closed long ago."""
    closures = Closures(10)
    closures.add("a!1", 0.0)

    closures.sweep(REMEMBERED_S)

    assert len(closures) == 0


def test_what_was_queued_before_is_known_from_what_came_behind() -> None:
    """By its number; nothing is known of channels that were not closed."""
    closures = Closures(10)
    closures.add("body?1", 0.0, 5)

    assert [closures.is_behind("body?1", number) for number in (4, 5, 6)] == [True, True, False]
    assert not closures.is_behind("body?2", 4)


def test_numbers_are_forgotten_with_their_channels() -> None:
    """Where there are too many, and with time."""
    closures = Closures(2)
    for number in (1, 2, 3):
        closures.add(f"body?{number}", 0.0, number)

    assert closures.lasts == {"body?2": 2, "body?3": 3}
    closures.sweep(REMEMBERED_S)
    assert not closures.lasts
