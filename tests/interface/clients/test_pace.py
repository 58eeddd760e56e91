"""Whether a client keeps bytes moving."""

from zmqlayer.interface.clients.pace import NEVER, Pace


def test_nothing_is_due_before_the_start() -> None:
    """A pace that was not started, or was stopped, has no deadline."""
    pace = Pace(20.0, 500)
    assert pace.deadline() == NEVER
    assert not pace.is_too_slow(1e9)

    pace.start(5.0)
    pace.stop()

    assert pace.deadline() == NEVER
    assert not pace.is_too_slow(1e9)


def test_silence() -> None:
    """Without a byte for the whole time, a client is too slow; each byte gives it that time again."""
    pace = Pace(20.0)
    pace.start(0.0)
    assert pace.deadline() == 20.0

    pace.count(1, 19.0)

    assert not pace.is_too_slow(20.0)
    assert pace.deadline() == 39.0
    assert pace.is_too_slow(39.0)


def test_low_rate() -> None:
    """A client that sends on, but less than the least in one span, is too slow."""
    pace = Pace(20.0, 500)
    pace.start(0.0)
    pace.count(9_999, 19.9)

    assert pace.deadline() == 20.0
    assert pace.is_too_slow(20.0)


def test_each_span_counts_anew() -> None:
    """What was sent in one span does not help in the next."""
    pace = Pace(20.0, 500)
    pace.start(0.0)
    pace.count(1_000_000, 19.9)
    assert not pace.is_too_slow(20.0)

    pace.count(100, 39.0)

    assert pace.is_too_slow(40.0)


def test_starting_twice_changes_nothing() -> None:
    """A pace that runs is not set back by another start."""
    pace = Pace(20.0)
    pace.start(0.0)
    pace.start(15.0)

    assert pace.is_too_slow(20.0)
