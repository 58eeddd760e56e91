"""How long a worker insists."""

from __future__ import annotations

import pytest

from support.worker_run import Waiting
from zmqlayer.exceptions import ChannelFull
from zmqlayer.worker.patience import Patience


class Door:
    """A send that fails until it has been tried often enough."""

    def __init__(self, opens_after: int) -> None:
        self.opens_after = opens_after
        self.tries = 0

    def send(self) -> None:
        """Try once."""
        self.tries += 1
        if self.tries <= self.opens_after:
            raise ChannelFull("a", 100)


def test_no_wait_where_there_is_room() -> None:
    """The usual case costs nothing."""
    waiting, door = Waiting(), Door(opens_after=0)

    waiting.patience().insist(door.send, deadline=30)

    assert waiting.waits == []


def test_each_wait_is_twice_the_last_one() -> None:
    """The waits grow from 2 ms up to a tenth of a second."""
    waiting, door = Waiting(), Door(opens_after=8)

    waiting.patience().insist(door.send, deadline=30)

    assert waiting.waits == pytest.approx([0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.1, 0.1])


def test_who_was_refused_waits_first() -> None:
    """Who has tried already, in vain, does not try again before something can have changed."""
    waiting, door = Waiting(), Door(opens_after=1)
    with pytest.raises(ChannelFull) as refusal:
        door.send()

    waiting.patience().persist(door.send, refusal.value, deadline=30)

    assert (waiting.waits, door.tries) == (pytest.approx([0.002]), 2)


def test_the_last_refusal_is_told() -> None:
    """It is the one that is true when the case is given up."""
    waiting, first = Waiting(), ChannelFull("before", 1)

    with pytest.raises(ChannelFull, match="'a'"):
        waiting.patience().persist(Door(opens_after=10_000).send, first, deadline=1)
    with pytest.raises(ChannelFull, match="'before'"):
        waiting.patience().persist(Door(opens_after=0).send, first, deadline=30, is_hopeless=lambda: True)


def test_giving_up_at_the_deadline() -> None:
    """The last wait ends at the deadline, and one more try is made."""
    waiting, door = Waiting(), Door(opens_after=10_000)

    with pytest.raises(ChannelFull):
        waiting.patience().insist(door.send, deadline=30)

    assert waiting.now == pytest.approx(30)


def test_a_stopping_worker_gives_up() -> None:
    """No further try is made when the worker stops."""
    waiting, door = Waiting(is_stopping=True), Door(opens_after=10_000)

    with pytest.raises(ChannelFull):
        waiting.patience().insist(door.send, deadline=30)

    assert door.tries == 1


def test_a_hopeless_case_is_given_up() -> None:
    """When the reader is gone there is nothing to wait for."""
    waiting, door = Waiting(), Door(opens_after=10_000)

    with pytest.raises(ChannelFull):
        waiting.patience().insist(door.send, deadline=30, is_hopeless=lambda: True)

    assert waiting.waits == []


def test_real_time_is_the_default() -> None:
    """Without arguments it really waits; a thousandth of a second is enough to see it."""
    door = Door(opens_after=1)

    Patience(first_s=0.001).insist(door.send, deadline=float("inf"))

    assert door.tries == 2
