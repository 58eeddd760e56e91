"""Dialling: which addresses are tried, and when again."""

from __future__ import annotations

import itertools
import math

import pytest

from support.strategies import node
from zmqlayer.config import Timing
from zmqlayer.dialing import Dialling
from zmqlayer.limits import Limits
from zmqlayer.names import NodeId
from zmqlayer.ports import Candidate

TIMING = Timing(dial_timeout_s=2.0, redial_first_s=0.1, redial_most_s=5.0)
MOST = 512
DIALS = 64
X, Y = node(1), node(2)
HERE, THERE = "tcp://127.0.0.1:1", "tcp://127.0.0.1:2"
HINT, SEED = Candidate(HERE, X), Candidate(HERE)


def hints(count: int) -> list[Candidate]:
    return [
        Candidate(f"tcp://127.0.0.1:{port}", NodeId(port.to_bytes(16, "big"))) for port in range(1000, 1000 + count)
    ]


class Links:
    """The nodes that are linked, and the dialling that asks for them; jitter makes no difference."""

    def __init__(self, *candidates: Candidate, jitter: float = 1.0) -> None:
        self.linked: set[NodeId] = set()
        limits = Limits(candidates=MOST, dials=DIALS)
        self.dialling = Dialling(TIMING, limits, lambda: jitter, self.linked.__contains__)
        for candidate in candidates:
            self.dialling.add(candidate, 0.0)

    def due(self, now: float) -> tuple[list[str], list[str]]:
        return self.dialling.due(now)

    def dials(self, now: float) -> list[str]:
        return self.due(now)[0]

    def next_at(self) -> float:
        return self.dialling.next_at()

    def is_pending(self) -> bool:
        return self.dialling.is_pending()

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


def test_hints_are_parked_after_a_minute() -> None:
    """What discovery names is dialled once a minute after the first one: a network that was cut comes back."""
    times = Links(HINT).dials_until(1000.0)

    eager = [time for time in times if time < 60.0]
    parked = times[len(eager) :]
    assert len(eager) > 5
    assert [later - earlier for earlier, later in itertools.pairwise(parked)] == pytest.approx([62.0] * 14)


def test_a_hint_that_is_repeated_is_not_dialled_sooner() -> None:
    """A hint that is named again within its minute keeps its pauses."""
    links = Links(HINT)
    times = links.dials_until(30.0)

    links.dialling.add(HINT, 30.0)

    assert links.dials_until(1000.0)[0] - times[-1] == pytest.approx(7.0)


def test_a_parked_hint_that_is_named_again_is_dialled_at_once() -> None:
    """Who is named anew after the minute may be back."""
    links = Links(HINT)
    links.dials_until(200.0)

    links.dialling.vouch(HINT, 200.0)

    assert 200.0 in links.dials_until(210.0)


@pytest.mark.parametrize("name", ["vouch", "remember"])
def test_what_peers_say_ends(name: str) -> None:
    """What a peer named is forgotten a minute after it was last named, and where a link was after ten."""
    links = Links()

    getattr(links.dialling, name)(HINT, 0.0)

    last = links.dials_until(10_000.0)[-1]
    assert 50.0 < last < 60.0 if name == "vouch" else 530.0 < last < 600.0
    assert links.next_at() == math.inf


def test_a_dial_is_not_cut_short_by_other_names() -> None:
    """Whoever names other nodes for an address that is being dialled does not end that dial."""
    links = Links(HINT)
    links.dials(0.0)

    links.dialling.add(Candidate(HERE, Y), 1.0)

    assert links.due(1.0) == ([], [])
    assert links.due(2.0) == ([], [HERE])


def test_seeds_are_counted() -> None:
    """An address that two seeds stand for stays until both have dropped it."""
    links = Links(SEED, SEED)

    links.dialling.remove(SEED, 0.0)
    assert links.dials_until(100.0)

    links.dialling.remove(SEED, 100.0)
    links.due(200.0)
    assert links.dials_until(300.0) == []


def test_a_dial_to_a_node_that_linked_meanwhile_ends() -> None:
    """A dial that nobody answers is hung up in time, also if its node was linked by another way."""
    links = Links(HINT)
    links.dials(0.0)
    links.linked.add(X)

    assert links.due(2.0) == ([], [HERE])
    assert links.next_at() == math.inf


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

    links.dialling.remove(HINT, 0.0)

    assert len(links.dials_until(1000.0)) > 100


def test_a_seed_keeps_a_hint_alive() -> None:
    """A hint that is a seed too is tried for ever."""
    links = Links(HINT, SEED)

    assert links.dials_until(1000.0)[-1] > 900.0


def test_a_hint_can_be_taken_back() -> None:
    """A hint that its source takes back is not dialled any more; the same address with another node is."""
    links = Links(HINT, Candidate(THERE, Y))

    links.dialling.remove(HINT, 0.0)
    links.dialling.remove(Candidate(THERE, X), 0.0)
    links.dialling.remove(Candidate("tcp://127.0.0.1:3", X), 0.0)

    assert links.dials(0.0) == [THERE]


def test_own_addresses_are_never_dialled() -> None:
    """An address where we answered ourselves is forgotten, whoever names it again."""
    links = Links(SEED)

    links.dialling.is_own(HERE)
    links.dialling.add(HINT, 0.0)

    assert links.dials(0.0) == []


def test_candidates_have_a_bound() -> None:
    """Beyond the bound seeds are ignored, and known ones still live."""
    links = Links(*(Candidate(f"tcp://127.0.0.1:{port}") for port in range(1, MOST + 10)))

    assert len(links.dials(0.0)) == MOST


def test_dials_have_a_bound() -> None:
    """Only so many hints are dialled at once; the others take their turn as these end, and seeds come on top."""
    links = Links(SEED, *hints(DIALS + 30))

    assert len(links.dials(0.0)) == DIALS + 1
    assert links.next_at() == 2.0
    assert len(links.dials(2.0)) == 30


def test_an_answer_frees_a_turn() -> None:
    """When one dial is answered, the next begins."""
    links = Links(*hints(DIALS + 1))
    first = links.dials(0.0)[0]

    links.link(X, first)

    assert len(links.dials(0.0)) == 1


def test_a_newcomer_is_dialled_through_a_flood() -> None:
    """Though thousands of invented nodes are named, one that is real is dialled as soon as a turn is free."""
    links = Links(*hints(2000))
    links.dials(0.0)

    links.dialling.add(Candidate(THERE, Y), 0.5)

    assert THERE in links.dials(2.0)


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
