"""Discovery settles once, however many say so, and however often."""

from __future__ import annotations

from support.found import FoundListener
from zmqlayer.discovery.countdown import Countdown
from zmqlayer.discovery.settling import Settling
from zmqlayer.ports import Candidate

CANDIDATE = Candidate("tcp://10.0.0.5:5757")


def test_it_settles_once() -> None:
    """A source that begins anew says it a second time."""
    listener = FoundListener()
    settling = Settling(listener, Countdown(1))

    settling.settled()
    settling.settled()

    assert listener.settled_count == 1


def test_all_else_is_passed_on() -> None:
    """What is found and lost, and where this node is."""
    listener = FoundListener()
    settling = Settling(listener, Countdown(1))

    settling.found(CANDIDATE)
    assert listener.candidates == [CANDIDATE]

    settling.lost(CANDIDATE)
    settling.moved(("10.0.0.1",))
    assert (listener.candidates, listener.hosts, listener.settled_count) == ([], ("10.0.0.1",), 0)
