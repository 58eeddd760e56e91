"""Dialling: which addresses are tried, and when again."""

from __future__ import annotations

import itertools
import math

import pytest

from support.strategies import node
from zmqlayer.config import Timing
from zmqlayer.dialing import Dialling
from zmqlayer.names import NodeId
from zmqlayer.ports import Candidate

TIMING = Timing(dial_timeout_s=2.0, redial_first_s=0.1, redial_most_s=5.0)
MOST = 512
X, Y = node(1), node(2)
HERE, THERE = "tcp://127.0.0.1:1", "tcp://127.0.0.1:2"
HINT, SEED = Candidate(HERE, X), Candidate(HERE)


class Links:
    """The nodes that are linked, and the dialling that asks for them; jitter makes no difference."""

    def __init__(self, *candidates: Candidate, jitter: float = 1.0) -> None:
        self.linked: set[NodeId] = set()
        self.dialling = Dialling(TIMING, MOST, lambda: jitter)
        for candidate in candidates:
            self.dialling.add(candidate, 0.0)

    def due(self, now: float) -> tuple[list[str], list[str]]:
        return self.dialling.due(now, self.linked.__contains__)

    def dials(self, now: float) -> list[str]:
        return self.due(now)[0]

    def next_at(self) -> float:
        return self.dialling.next_at(self.linked.__contains__)

    def is_pending(self) -> bool:
        return self.dialling.is_pending(self.linked.__contains__)

    def link(self, node_id: NodeId, address: str = HERE) -> None:
        self.dialling.answered(address, node_id)
        self.linked.add(node_id)

    def hang_up(self, node_id: NodeId, now: float, *, is_final: bool = False) -> None:
        self.linked.discard(node_id)
        self.dialling.hung_up(node_id, now, is_final=is_final)

    def dials_until(self, end: float) -> list[float]:
        """Return when something was dialled up to *end*, with nobody answering."""
        times = []
        while (now := self.next_at()) <= end:
            if self.dials(now):
                times.append(now)
        return times


def test_a_candidate_is_dialled_at_once() -> None:
    """A hint is dialled when it comes, once, and given up when nobody answers in time."""
    links = Links(HINT)

    assert links.due(0.0) == ([HERE], [])
    assert links.due(1.9) == ([], [])
    assert links.due(2.0) == ([], [HERE])
    assert links.next_at() == pytest.approx(2.2)
    assert links.due(2.2) == ([HERE], [])


def test_all_candidates_are_dialled_together() -> None:
    """One that does not answer holds up no other."""
    assert Links(HINT, Candidate(THERE, Y)).dials(0.0) == [HERE, THERE]


def test_pauses_double_to_a_limit() -> None:
    """Pauses between dials double up to the longest, for which a seed is tried for ever."""
    times = Links(SEED).dials_until(100.0)

    pauses = [later - earlier - TIMING.dial_timeout_s for earlier, later in itertools.pairwise(times)]
    assert pauses[:6] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0])
    assert pauses[6:] == pytest.approx([5.0] * len(pauses[6:]))
    assert Links(SEED).dials_until(100_000.0)[-1] > 99_000.0


def test_jitter_takes_at_most_half() -> None:
    """Nodes that start together do not dial in step: a pause is between half of it and all of it."""
    pauses = [Links(SEED, jitter=jitter).dials_until(3.0)[1] - 2.0 for jitter in (0.0, 0.5, 1.0)]

    assert pauses == pytest.approx([0.1, 0.15, 0.2])


def test_hints_end_after_a_minute() -> None:
    """A hint that nobody repeats is dialled for a minute; mDNS keeps ghosts for much longer."""
    links = Links(HINT)

    assert 50.0 < links.dials_until(1000.0)[-1] < 60.0
    assert links.next_at() == math.inf


def test_a_hint_that_is_repeated_lives_on() -> None:
    """A hint lives a minute from when it was last named, and is not dialled sooner for it."""
    links = Links(HINT)
    times = links.dials_until(30.0)

    links.dialling.add(HINT, 30.0)

    later = links.dials_until(1000.0)
    assert later[0] - times[-1] == pytest.approx(7.0)
    assert 80.0 < later[-1] < 90.0


def test_a_new_node_at_an_old_address_is_dialled_at_once() -> None:
    """An address that is named with another node starts over: that is another process."""
    links = Links(HINT)
    links.dials_until(50.0)

    links.dialling.add(Candidate(HERE, Y), 50.0)

    assert links.next_at() == 50.0
    assert links.dials_until(53.0)[:2] == pytest.approx([50.0, 52.2])


def test_a_hint_does_not_end_a_seed() -> None:
    """A seed that discovery names too is still tried for ever, and is not taken back with the hint."""
    links = Links(SEED, HINT)

    links.dialling.remove(HINT)

    assert len(links.dials_until(1000.0)) > 100


def test_a_seed_keeps_a_hint_alive() -> None:
    """A hint that is a seed too is tried for ever."""
    links = Links(HINT, SEED)

    assert links.dials_until(1000.0)[-1] > 900.0


def test_a_hint_can_be_taken_back() -> None:
    """A hint that its source takes back is not dialled any more; the same address with another node is."""
    links = Links(HINT, Candidate(THERE, Y))

    links.dialling.remove(HINT)
    links.dialling.remove(Candidate(THERE, X))
    links.dialling.remove(Candidate("tcp://127.0.0.1:3", X))

    assert links.dials(0.0) == [THERE]


def test_own_addresses_are_never_dialled() -> None:
    """An address where we answered ourselves is forgotten, whoever names it again."""
    links = Links(SEED)

    links.dialling.is_own(HERE)
    links.dialling.add(HINT, 0.0)

    assert links.dials(0.0) == []


def test_candidates_have_a_bound() -> None:
    """Beyond the bound hints are ignored, and known ones still live."""
    links = Links(*(Candidate(f"tcp://127.0.0.1:{port}") for port in range(1, MOST + 10)))

    assert len(links.dials(0.0)) == MOST


def test_linked_nodes_are_not_dialled() -> None:
    """While a node is linked, hints about it wait, also at its other addresses."""
    links = Links(HINT, Candidate(THERE, X))
    links.linked.add(X)

    assert links.dials(0.0) == []
    assert links.next_at() == math.inf
    assert not links.is_pending()


def test_an_answer_ends_the_dialling() -> None:
    """An address where somebody answered is left alone while the link lives."""
    links = Links(SEED)
    links.dials(0.0)

    links.link(X)
    links.dialling.answered("tcp://127.0.0.1:9", X)  # one that was never a candidate

    assert links.next_at() == math.inf
    assert links.due(100.0) == ([], [])


def test_a_lost_node_is_dialled_again() -> None:
    """After a short pause a node whose link broke is dialled again where it answered."""
    links = Links(SEED)
    links.dials(0.0)
    links.link(X)

    links.hang_up(X, 50.0)

    assert links.next_at() == pytest.approx(50.1)
    assert links.dials(50.1) == [HERE]


def test_a_node_that_left_is_not_dialled_again() -> None:
    """After a goodbye a hint is forgotten; a seed is tried again, since another process may start there."""
    for candidate, dials in ((HINT, []), (SEED, [HERE])):
        links = Links(candidate)
        links.dials(0.0)
        links.link(X)

        links.hang_up(X, 50.0, is_final=True)

        assert links.dials(51.0) == dials


@pytest.mark.parametrize("is_final", [True, False])
def test_the_end_of_a_former_node_leaves_its_successor_alone(is_final: bool) -> None:
    """The address answers as another node by now: the end of the first does not bring a new dial to the second."""
    links = Links(SEED, HINT)
    links.dials(0.0)
    links.link(Y)

    links.hang_up(X, 8.0, is_final=is_final)

    assert links.next_at() == math.inf
    links.hang_up(Y, 9.0)
    assert links.dials(9.1) == [HERE]


def test_other_links_are_none_of_its_business() -> None:
    """The end of a node that never was at an address changes nothing there."""
    links = Links(HINT)

    links.hang_up(Y, 0.0, is_final=True)

    assert links.dials(0.0) == [HERE]


def test_a_first_dial_is_waited_for() -> None:
    """At start a node waits for its first dials: until each was answered, or was not in time."""
    links = Links(HINT)

    assert links.is_pending()
    links.dials(0.0)
    assert links.is_pending()
    links.due(2.0)
    assert not links.is_pending()
    links.dials(2.2)
    assert not links.is_pending()


def test_an_answered_dial_is_not_waited_for() -> None:
    """Once somebody answered, nothing is pending there."""
    links = Links(SEED)
    links.dials(0.0)

    links.link(X)

    assert not links.is_pending()
