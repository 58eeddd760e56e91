"""Peers: the table, the times, and any sequence of causes against them."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from support.strategies import node, steps
from zmqlayer.config import Timing
from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.journal import Journal, Said
from zmqlayer.peers import TRANSITIONS, Cause, InvalidState, Peer, Peers, PeerState

TIMING = Timing(heartbeat_s=1.0, silent_after_s=3.0, gone_after_s=8.0, dial_timeout_s=2.0, cut_timeout_s=0.5)
FOUND, GREETED, READY, SILENT, GONE = PeerState
JOURNAL = Journal(Said.write)

WAYS = {
    FOUND: [],
    GREETED: [Cause.HELLO],
    READY: [Cause.HELLO, Cause.LINKED],
    SILENT: [Cause.HELLO, Cause.LINKED, Cause.QUIET],
}


def peer(number: int = 1, at: float = 0.0) -> Peer:
    return Peer(
        node_id=node(number),
        role="worker",
        pull=f"tcp://127.0.0.1:{number}",
        pub=f"tcp://127.0.0.1:{number + 1}",
        our_link=1,
        their_link=2,
        found_at=at,
        heard_at=at,
    )


def peers_in(state: PeerState, now: float = 0.0) -> tuple[Peers, Peer]:
    """Return one peer that came to *state* on the ordinary way."""
    peers, one = Peers(TIMING, JOURNAL), peer()
    peers.add(one)
    for cause in WAYS[state]:
        peers.move(one, cause, now)
    assert one.state is state
    return peers, one


class PeersModel(RuleBasedStateMachine):
    """Three links that meet any cause at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.peers = Peers(TIMING, JOURNAL)
        self.links: list[Peer] = []
        self.now = 0.0

    @rule()
    def find(self) -> None:
        living = {link.node_id for link in self.links if link.state is not GONE}
        free = next((number for number in range(1, 4) if node(number) not in living), None)
        if free is not None:
            self.links.append(peer(free, self.now))
            self.peers.add(self.links[-1])

    @rule(choice=st.integers(0, 100), cause=st.sampled_from(Cause))
    def meet(self, choice: int, cause: Cause) -> None:
        """Each cause follows the table, or raises and changes nothing."""
        if not self.links:
            return
        link = self.links[choice % len(self.links)]
        before, deadline = link.state, link.deadline
        after = TRANSITIONS.get((before, cause))
        if after is None:
            with pytest.raises(InvalidState):
                self.peers.move(link, cause, self.now)
            assert (link.state, link.deadline) == (before, deadline)
        else:
            assert self.peers.move(link, cause, self.now) is before
            assert link.state is after

    @rule(choice=st.integers(0, 100))
    def hear(self, choice: int) -> None:
        if self.links:
            self.links[choice % len(self.links)].heard_at = self.now

    @rule(seconds=st.sampled_from([0.25, 1.0, 3.0, 8.0]))
    def advance(self, seconds: float) -> None:
        """What is due is always a move that the table allows."""
        self.now += seconds
        for link, cause in self.peers.check(self.now):
            assert (link.state, cause) in TRANSITIONS
            self.peers.move(link, cause, self.now)

    @rule(seconds=st.sampled_from([0.5, 5.0]))
    def be_late(self, seconds: float) -> None:
        """What was not due stays so where our own lateness is all that passed."""
        due = {link.node_id for link, _ in self.peers.check(self.now)}
        self.now += seconds
        self.peers.excuse(seconds, self.now)
        assert {link.node_id for link, _ in self.peers.check(self.now)} <= due

    @invariant()
    def follows_the_living(self) -> None:
        living = [link for link in self.links if link.state is not GONE]
        assert sorted(link.node_id for link in self.peers) == sorted(link.node_id for link in living)
        assert len(self.peers) == len(living)
        assert self.peers.ready() == {link.node_id for link in living if link.state is READY}
        assert self.peers.rising() == {link.node_id for link in living if link.state in (GREETED, READY)}
        for link in living:
            assert self.peers.get(link.node_id) is link
            assert self.peers.at(link.pull) is link
            assert link.is_up == (link.state in (READY, SILENT))

    @invariant()
    def hears_nobody_in_the_future(self) -> None:
        assert all(link.heard_at <= self.now for link in self.peers)

    @invariant()
    def knows_when_a_handshake_ends(self) -> None:
        greeted = [link for link in self.links if link.state is GREETED]
        deadlines = [link.deadline for link in greeted]
        due = [*deadlines, *(link.probe_at for link in greeted)]
        assert self.peers.next_at() == min(due, default=math.inf)
        assert all(deadline <= self.now + TIMING.dial_timeout_s for deadline in deadlines)


TestPeers = PeersModel.TestCase
TestPeers.settings = steps


@pytest.mark.parametrize("cause", Cause)
def test_gone_is_the_end(cause: Cause) -> None:
    """No cause moves a link that is gone."""
    peers, one = peers_in(READY)
    peers.move(one, Cause.DEPARTED, 0.0)

    with pytest.raises(InvalidState):
        peers.move(one, cause, 0.0)

    assert one.state is GONE


def test_every_state_leads_to_gone() -> None:
    """From any state a link can end, and no state is out of reach."""
    reached = {FOUND}
    for _ in PeerState:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}

    assert reached == set(PeerState)
    assert all(TRANSITIONS[state, Cause.DEPARTED] is GONE for state in PeerState if state is not GONE)


@pytest.mark.parametrize(("state", "cause"), list(itertools.product(WAYS, Cause)))
def test_what_is_not_in_the_table_raises(state: PeerState, cause: Cause) -> None:
    """A pair outside the table is a bug of ours: the error names both, and nothing changes."""
    if (state, cause) in TRANSITIONS:
        return
    peers, one = peers_in(state)

    with pytest.raises(InvalidState, match=f"a {state.name} peer cannot meet {cause.name}") as caught:
        peers.move(one, cause, 0.0)

    assert isinstance(caught.value, ZmqLayerError)
    assert (caught.value.state, caught.value.cause) == (state, cause)
    assert one.state is state


@pytest.mark.parametrize(
    ("state", "cause", "seconds"),
    [
        (FOUND, Cause.HELLO, 2.0),
        (GREETED, Cause.RESTARTED, 2.0),
        (READY, Cause.RESTARTED, 2.0),
        (SILENT, Cause.RESTARTED, 2.0),
        (GREETED, Cause.CUT, 0.5),
        (READY, Cause.CUT, 0.5),
        (SILENT, Cause.CUT, 0.5),
    ],
)
def test_a_handshake_has_its_time(state: PeerState, cause: Cause, seconds: float) -> None:
    """A handshake is overdue after the time to dial, and sooner where the pipe was cut."""
    peers, one = peers_in(state)
    peers.move(one, cause, 5.0)

    assert one.deadline == 5.0 + seconds
    assert peers.check(4.9 + seconds) == []
    assert peers.check(5.0 + seconds) == [(one, Cause.OVERDUE)]


def test_a_handshake_that_starts_anew_again_and_again_ends() -> None:
    """A link that leaves READY has eight seconds to come back, however often its peer greets."""
    peers, one = peers_in(READY)
    for at in (10.0, 12.0, 14.0, 16.0, 17.5):
        peers.move(one, Cause.RESTARTED, at)
        assert peers.check(at) == []

    assert one.deadline == 18.0


def test_a_far_peer_has_the_time_it_asked_for() -> None:
    """A handshake may take as long as the one who dialled found that it does."""
    peers, one = Peers(TIMING, JOURNAL), peer()
    one.patience_s = 12.0
    peers.add(one)

    peers.move(one, Cause.HELLO, 1.0)
    assert one.deadline == 13.0
    peers.move(one, Cause.RESTARTED, 9.0)
    assert one.deadline == 13.0


@pytest.mark.parametrize("quiet", ["heard_at", "pushed_at"])
def test_both_ways_must_be_open(quiet: str) -> None:
    """A peer that publishes and does not push is SILENT as well, and the other way round."""
    peers, one = peers_in(READY)
    one.heard_at = one.pushed_at = 5.0

    setattr(one, quiet, 2.0)

    assert peers.check(4.9) == []
    assert peers.check(5.0) == [(one, Cause.QUIET)]


@pytest.mark.parametrize(("way", "after_s"), [("heard_at", 3 * 2.0), ("pushed_at", 3 * 2.0 + 3 * 2.0)])
def test_a_slow_peer_pushes_less_than_it_publishes(way: str, after_s: float) -> None:
    """One that lives at half the pace is silent after twice the time, and may miss three more pushes."""
    peers, one = peers_in(READY)
    one.pace, one.heard_at, one.pushed_at = 2.0, 100.0, 100.0

    setattr(one, way, 0.0)

    assert peers.check(after_s - 0.1) == []
    assert peers.check(after_s) == [(one, Cause.QUIET)]


def test_a_peer_that_gets_faster_is_missed_sooner() -> None:
    """How slow it says that it is holds from then on, though it was looked at before."""
    peers, one = peers_in(READY)
    peers.note_pace(one, 5.0)
    assert peers.check(3.0) == []

    peers.note_pace(one, 1.0)

    assert peers.check(3.0) == [(one, Cause.QUIET)]


def test_each_step_gives_a_handshake_time() -> None:
    """A handshake that goes on, slow as it may be, is not given up between two steps; one that has ended stays so."""
    peers, one = peers_in(GREETED)
    one.patience_s = 3.0

    peers.progressed(one, 1.5)
    assert one.deadline == 4.5
    peers.progressed(one, 1.0)
    assert one.deadline == 4.5
    peers.move(one, Cause.LINKED, 4.0)
    peers.progressed(one, 4.0)

    assert one.deadline == 4.5


def test_steps_without_end_do_not_prolong_a_handshake() -> None:
    """A peer that takes the same step again and again has eight seconds, as one that starts anew has."""
    peers, one = peers_in(GREETED)

    for second in range(20):
        peers.progressed(one, float(second))

    assert one.deadline == 8.0


def test_it_is_known_since_when_links_come_up() -> None:
    """The start of each handshake, however often it began anew; none of links that are up."""
    peers, one = Peers(TIMING, JOURNAL), peer()
    peers.add(one)
    assert peers.meeting_since() == []

    peers.move(one, Cause.HELLO, 1.0)
    peers.move(one, Cause.RESTARTED, 2.0)
    assert peers.meeting_since() == [1.0]
    peers.move(one, Cause.LINKED, 3.0)

    assert peers.meeting_since() == []


def test_who_was_cut_off_is_probed_until_it_says_hello() -> None:
    """A cut makes a peer worth a probe at once and every 50 ms; its HELLO shows that it lives."""
    peers, one = peers_in(READY)
    assert peers.to_probe(10.0) == []
    peers.move(one, Cause.CUT, 10.0)

    assert (peers.next_at(), peers.to_probe(10.0)) == (10.0, [one.pull])
    assert (peers.next_at(), peers.to_probe(10.01)) == (10.05, [])
    assert peers.to_probe(10.05) == [one.pull]
    peers.move(one, Cause.RESTARTED, 10.06)

    assert not one.is_cut
    assert peers.to_probe(10.2) == []


def test_hearing_does_not_prolong_a_handshake() -> None:
    """A peer that sends and never links does not keep its handshake open."""
    peers, one = peers_in(GREETED)

    peers.move(one, Cause.HEARD, 1.9)

    assert peers.check(2.0) == [(one, Cause.OVERDUE)]


def test_silence_is_noticed_in_two_steps() -> None:
    """A peer that was not heard for three seconds is quiet, and after eight it is overdue."""
    peers, one = peers_in(READY)

    assert peers.check(2.9) == []
    assert peers.check(3.0) == [(one, Cause.QUIET)]
    peers.move(one, Cause.QUIET, 3.0)
    assert peers.check(7.9) == []
    assert peers.check(8.0) == [(one, Cause.OVERDUE)]


def test_a_peer_that_is_heard_is_ready_again() -> None:
    """Silence ends with the first frame; it counts anew from there."""
    peers, one = peers_in(SILENT)
    one.heard_at = one.pushed_at = 7.0

    assert peers.move(one, Cause.HEARD, 7.0) is SILENT
    assert peers.ready() == {one.node_id}
    assert peers.check(9.9) == []


def test_own_lateness_is_not_the_peers() -> None:
    """A node whose loop was late gives its peers the time it missed, in handshakes and in silence."""
    peers, one = peers_in(READY)
    other = peer(2)
    peers.add(other)
    peers.move(other, Cause.HELLO, 0.0)

    peers.excuse(5.0, 5.0)

    assert peers.check(6.9) == []
    assert peers.check(7.0) == [(other, Cause.OVERDUE)]
    assert peers.check(8.0) == [(one, Cause.QUIET), (other, Cause.OVERDUE)]


def test_lateness_makes_nobody_heard_in_the_future() -> None:
    """A peer that was heard while we were late gains no more than the present."""
    peers, one = peers_in(READY)
    one.heard_at = 4.0

    peers.excuse(5.0, 6.0)

    assert one.heard_at == 6.0


def test_lateness_prolongs_no_handshake_that_began_after_it() -> None:
    """A node that slept for an hour still gives up a link that was cut when it woke within one handshake's time."""
    peers, one = peers_in(READY)
    one.heard_at = 3600.0
    peers.move(one, Cause.CUT, 3600.0)

    peers.excuse(3590.0, 3600.0)

    assert peers.check(3600.0 + TIMING.dial_timeout_s) == [(one, Cause.OVERDUE)]


def test_peers_may_go_while_all_are_looked_at() -> None:
    """Whoever goes through all peers may end each of them."""
    peers = Peers(TIMING, JOURNAL)
    for number in range(1, 4):
        peers.add(peer(number))

    for one in peers:
        peers.move(one, Cause.DEPARTED, 0.0)

    assert len(peers) == 0
    assert peers.get(node(1)) is None
    assert peers.at("tcp://127.0.0.1:1") is None
    assert peers.next_at() == math.inf


def test_starting_anew_forgets_the_proofs() -> None:
    """A link that starts anew has to be proven again; what ZeroMQ reports of the pipe stays."""
    one = peer()
    one.is_subscribed = one.is_echoed = one.is_synced = True

    one.start_anew()

    assert (one.is_subscribed, one.is_echoed, one.is_synced) == (True, False, False)
