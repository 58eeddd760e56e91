"""Dialling: which addresses are tried, and when again."""

from __future__ import annotations

import itertools
import math

import pytest

from support.strategies import node
from zmqlayer.config import Timing
from zmqlayer.dialing import Dialling
from zmqlayer.journal import Journal, Said
from zmqlayer.limits import Limits
from zmqlayer.names import NodeId
from zmqlayer.ports import Candidate

TIMING = Timing(dial_timeout_s=2.0, redial_first_s=0.1, redial_lost_s=1.0, redial_most_s=5.0, patience_most_s=20.0)
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

    def __init__(self, *candidates: Candidate, jitter: float = 1.0, n_doors: int = 1) -> None:
        self.linked: set[NodeId] = set()
        self.meeting: list[float] = []
        limits = Limits(candidates=MOST, dials=DIALS)
        self.dialling = Dialling(
            TIMING, limits, Journal(Said.write), lambda: jitter, self.linked.__contains__, lambda: self.meeting,
            n_doors,
        )  # fmt: skip
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

    def link(self, node_id: NodeId, address: str = HERE, now: float = 0.0) -> None:
        self.dialling.answered(address, node_id, now)
        self.linked.add(node_id)
        self.dialling.linked(node_id)

    def hang_up(self, node_id: NodeId, now: float, *, is_final: bool = False, was_ready: bool = True) -> None:
        self.linked.discard(node_id)
        self.dialling.hung_up(node_id, now, is_final=is_final, was_ready=was_ready)

    def lose(self, node_id: NodeId, now: float) -> None:
        """A link that was READY ends, as the links do it."""
        self.dialling.remember(Candidate(HERE, node_id), now)
        self.hang_up(node_id, now)

    def greet(self, now: float, took_s: float = 0.0) -> float | None:
        """Probe what is due, let it be accepted, and return the patience with it."""
        self.due(now)
        return self.dialling.accepted(HERE, now + took_s)

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


def test_who_is_meeting_others_dials_less() -> None:
    """Links that come up, whoever dialled, take turns of dials; as soon as one is up, or after 2 s, the next is due."""
    links = Links(*hints(DIALS + 30))
    links.meeting = [0.0, 0.5, 0.5]

    assert len(links.dials(1.0)) == DIALS - 3
    assert links.next_at() == 2.0
    assert len(links.dials(2.0)) == 1
    links.meeting.pop()
    links.dialling.met()
    assert len(links.dials(2.1)) == 1


def test_greetings_without_end_keep_no_node_from_dialling() -> None:
    """However many links come up, or pretend to, one dial may be under way."""
    links = Links(*hints(3))
    links.meeting = [0.0] * 1000

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
    links.dialling.answered("tcp://127.0.0.1:9", X, 0.0)  # one that was never a candidate

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


def test_who_accepts_is_greeted_with_patience() -> None:
    """An accepted probe is worth a greeting; on a fast network its answer is due in two seconds."""
    links = Links(HINT)

    assert links.greet(0.0) == 2.0
    assert links.dialling.is_greeted(HERE)
    assert links.due(1.9) == ([], [])
    assert links.due(2.0) == ([], [HERE])
    assert not links.dialling.is_greeted(HERE)


def test_a_far_peer_is_given_time() -> None:
    """Patience grows with what the probe took, up to a limit."""
    assert Links(HINT).greet(0.0, took_s=0.5) == pytest.approx(10.0)
    assert Links(HINT).greet(0.0, took_s=1.9) == 20.0


def test_patience_doubles_with_each_greeting_in_vain() -> None:
    """A slow network behind a proxy that accepts at once is met with more and more patience."""
    links, patience = Links(SEED), []
    for _ in range(6):
        patience.append(links.greet(links.next_at()))
        links.due(links.next_at())

    assert patience == [2.0, 4.0, 8.0, 16.0, 20.0, 20.0]


def test_a_handshake_in_vain_counts_too() -> None:
    """An answer is not a link: patience grows until there is one, and then begins where the answer was."""
    links = Links(SEED)
    links.greet(0.0)
    links.dialling.answered(HERE, X, 1.5)
    links.hang_up(X, 3.5, was_ready=False)

    assert links.greet(links.next_at()) == 6.0  # twice what the answer took, doubled
    links.link(X, now=links.next_at())
    links.hang_up(X, 20.0)

    assert links.greet(links.next_at()) == pytest.approx(12.0)


def test_only_an_open_probe_is_accepted() -> None:
    """A result that comes late, or was asked for another reason, is worth no greeting."""
    links = Links(HINT)

    assert links.dialling.accepted(HERE, 0.0) is None
    assert links.greet(0.0) == 2.0
    assert links.dialling.accepted(HERE, 0.1) is None
    assert links.dialling.accepted(THERE, 0.1) is None


def test_a_refusal_ends_a_dial_at_once() -> None:
    """Where nobody listens there is nothing to wait for, and at start nothing pending."""
    links = Links(HINT)
    links.dials(0.0)

    links.dialling.refused(HERE, 0.001)

    assert not links.is_pending()
    assert links.next_at() == pytest.approx(0.201)
    assert links.due(0.3) == ([HERE], [])


def test_a_lost_peer_is_dialled_with_haste() -> None:
    """For a minute after a link was lost pauses stay below a second; then below five, for ten minutes."""
    links = Links()
    links.lose(X, 100.0)

    times = links.dials_until(10_000.0)

    pauses = [later - earlier - TIMING.dial_timeout_s for earlier, later in itertools.pairwise(times)]
    assert max(pause for time, pause in zip(times, pauses, strict=False) if time < 157.0) == pytest.approx(1.0)
    assert max(pauses) == pytest.approx(5.0)
    assert 690.0 < times[-1] < 700.0


def test_a_host_that_refuses_ends_the_hope_for_a_lost_peer() -> None:
    """Where a link was and nobody listens any more, a process that starts anew has a minute."""
    links = Links()
    links.lose(X, 100.0)
    times = []
    while (now := links.next_at()) < math.inf:
        times += [now for address in links.dials(now)]
        links.dialling.refused(HERE, now)

    assert 155.0 < times[-1] < 161.0
    assert len(times) > 50


def test_who_shuns_us_is_left_alone() -> None:
    """An address that wants no link with us is asked once a minute."""
    links = Links(SEED)
    links.greet(0.0)

    links.dialling.shunned(HERE, 1.0)
    links.dialling.shunned(THERE, 1.0)

    assert links.next_at() == 61.0


def test_the_end_of_a_node_leaves_a_dial_under_way_to_its_time() -> None:
    """A second address of a node that said goodbye is hung up in the end, and then forgotten."""
    links = Links(HINT)
    links.greet(0.0)

    links.hang_up(X, 1.0, is_final=True)

    assert links.due(2.0) == ([], [HERE])
    assert links.dials_until(100.0) == []
    assert links.next_at() == math.inf


# Several secrets


def deny(links: Links) -> list[int]:
    """Greet what is due next, let every secret be denied, and return the doors in the order they were tried."""
    doors = []
    now = links.next_at()
    links.greet(now)
    doors.append(links.dialling.door_for(HERE))
    while links.dialling.denied(HERE, now):
        doors.append(links.dialling.door_for(HERE))
    return doors


def test_a_seed_is_tried_with_each_secret() -> None:
    """Nobody says which secret a seed has: one that denies is greeted with the next at once, then after a pause."""
    links = Links(SEED, n_doors=3)

    assert deny(links) == [0, 1, 2]
    assert links.next_at() > 0.0
    assert deny(links) == [0, 1, 2]


def test_a_seed_that_keeps_silent_is_tried_with_each_secret() -> None:
    """A greeting that nobody answers says nothing about the secret, so the next dial takes another."""
    links = Links(SEED, n_doors=2)
    links.greet(0.0)
    links.due(links.next_at())

    assert deny(links) == [1, 0]


def test_a_hint_with_a_door_is_tried_with_that_secret_only() -> None:
    """What mDNS and gossip tell belongs to one secret; a seed at the same address may have any."""
    links = Links(n_doors=2)
    links.dialling.add(HINT, 0.0, door=1)
    assert deny(links) == [1]

    links.dialling.add(SEED, 1.0)

    assert sorted(deny(links)) == [0, 1]


@pytest.mark.parametrize("n_doors", [1, 3])
def test_a_secret_is_wrong_when_it_was_denied_twice(n_doors: int) -> None:
    """A process that ends just then denies too; only what happens again, to every secret, is told."""
    links = Links(SEED, n_doors=n_doors)

    deny(links)
    assert not links.dialling.is_denied(HERE)
    deny(links)

    assert links.dialling.is_denied(HERE)


def test_a_denial_of_what_is_not_dialled_changes_nothing() -> None:
    """It comes late: somebody answered meanwhile, or the hint was taken back."""
    links = Links(HINT)
    links.greet(0.0)
    links.link(X)

    assert not links.dialling.denied(HERE, 0.1)
    assert not links.dialling.denied(THERE, 0.1)
    assert not links.dialling.is_denied(THERE)
    assert links.dials_until(100.0) == []


def test_a_zone_is_found_where_discovery_named_it() -> None:
    """Of a node that told a link-local address, the one with our zone is known if discovery named it."""
    zoned = "tcp://[fe80::1%2]:5000"
    links = Links(HINT, Candidate(zoned, X), Candidate("tcp://[fe80::2%2]:5000", Y))

    assert links.dialling.address_with_zone(X) == zoned
    assert links.dialling.address_with_zone(node(9)) is None


def test_another_network_is_a_reason_to_dial() -> None:
    """When this node's own addresses change, what waits is dialled at once; a dial under way goes on."""
    links = Links(HINT, Candidate(THERE, Y))
    links.dials_until(20.0)
    links.due(22.0)
    waiting = links.next_at() > 22.0

    links.dialling.hurry(22.0)

    assert waiting
    assert set(links.dials(22.0)) <= {HERE, THERE}
    assert links.dials(22.0) == []
