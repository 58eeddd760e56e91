"""How long a client may take nothing of what is written to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.task import Clock

from zmqlayer.interface.clients.taking import LOOKS, Patience, Taking

LIMIT_S = 60.0


def test_a_client_that_takes_nothing_has_its_time() -> None:
    """And no more."""
    taking = Taking(LIMIT_S, 100, 0.0)

    assert [taking.look(100, now) for now in (15.0, 30.0, 59.0, 60.0)] == [False, False, False, True]


def test_whatever_it_takes_gives_it_that_time_again() -> None:
    """From the look that found it."""
    taking = Taking(LIMIT_S, 100, 0.0)

    assert not taking.look(99, 45.0)
    assert not taking.look(99, 104.0)
    assert taking.look(99, 105.0)


def test_what_is_written_meanwhile_was_not_taken() -> None:
    """More that waits is no sign of life."""
    taking = Taking(LIMIT_S, 100, 0.0)

    assert not taking.look(200, 45.0)
    assert taking.look(200, 60.0)


def test_looks_come_often_enough() -> None:
    """Several times within the limit, and at its end."""
    taking = Taking(LIMIT_S, 100, 0.0)

    assert taking.next_look(0.0) == LIMIT_S / LOOKS
    assert taking.next_look(59.0) == LIMIT_S


class Reader:
    """A client that takes so many bytes each second."""

    def __init__(self, rate: int) -> None:
        self.clock = Clock()
        self.left = 1_000_000
        self.rate = rate
        self.calls: list[float] = []
        self.patience = Patience(
            self.clock, LIMIT_S, lambda: self.left, lambda: self.calls.append(self.clock.seconds())
        )

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.left -= self.rate
            self.clock.advance(1.0)


@pytest.fixture
def reader() -> Iterator[Reader]:
    """One that takes something, and leaves no timer behind."""
    made = Reader(rate=1)
    yield made
    made.patience.stop()
    assert not made.clock.getDelayedCalls()


def test_a_slow_reader_is_borne(reader: Reader) -> None:
    """For ever, as long as it reads; then it has the time that each has, and a quarter of it at most."""
    reader.patience.start()
    reader.run(1_000)
    assert not reader.calls

    reader.rate = 0
    reader.run(100)

    (at,) = reader.calls
    assert 1_000 + LIMIT_S <= at <= 1_000 + LIMIT_S * (1 + 1 / LOOKS)


def test_starting_twice_wins_no_time(reader: Reader) -> None:
    """Nor does it lose any."""
    reader.rate = 0
    reader.patience.start()
    reader.run(30)

    reader.patience.start()
    reader.run(100)

    assert reader.calls == [LIMIT_S]


def test_who_has_taken_all_has_all_time(reader: Reader) -> None:
    """Until something is written again."""
    reader.rate = 0
    reader.patience.start()
    reader.run(30)
    reader.patience.stop()
    reader.run(1_000)
    assert not reader.calls

    reader.patience.start()
    reader.run(59)
    assert not reader.calls
    reader.run(1)
    assert reader.calls == [1_090.0]
