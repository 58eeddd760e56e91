"""Members that no node owns, over networks that part: all nodes agree, nobody comes back, nobody stays too long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.network import assert_meshed, error_of, joined, missing_of
from zmqlayer.exceptions import LimitReached
from zmqlayer.limits import Limits
from zmqlayer.memory import MemoryNetwork, MemoryNode


def is_member(network: MemoryNetwork, node: MemoryNode, group: str = "log", channel: str = "audit") -> bool:
    """Whether a node would send what is for the group to the named channel."""
    return channel in node.mesh.group_channels(group, network.now)[0]


@pytest.mark.parametrize("apart_s", [1.0, 5.0, 20.0])
def test_a_removal_during_a_partition_stands(apart_s: float) -> None:
    """A node that missed that a member left does not bring it back: it forgets it when it hears."""
    network, a, b, c = joined("a", "b", "c")
    a.group_add("log", "audit")
    network.run(0.1)
    for other in (a, b):
        network.partition(c, other)
    network.run(apart_s)
    a.group_discard("log", "audit")
    network.run(apart_s)
    alone = is_member(network, c)

    for other in (a, b):
        network.heal(c, other)
    network.run(6.0)

    assert alone
    assert [is_member(network, node) for node in (a, b, c)] == [False] * 3


def test_a_member_lives_no_longer_for_being_told_again() -> None:
    """However often links start anew, a named member ends a ``group_expiry`` after it was added."""
    network, a, b = joined("a", "b", group_expiry=10)
    a.group_add("log", "audit")
    for _ in range(4):
        network.run(2.0)
        network.cut(a, b)
    network.run(1.9)
    lives = is_member(network, a), is_member(network, b)

    network.run(0.2)
    late = network.add("late")
    network.run(1.0)

    assert lives == (True, True)
    assert [is_member(network, node) for node in (a, b, late)] == [False] * 3


def test_a_silent_peer_learns_what_it_missed() -> None:
    """A change is told to everyone that may hear it, not only to those that must confirm it."""
    network, a, b, c = joined("a", "b", "c")
    network.stop(c)
    network.run(4.0)
    state = a.sees(c)

    a.group_add("log", "audit")
    network.run(0.1)
    network.resume(c)
    network.run(0.1)

    assert state == "silent"
    assert is_member(network, b)
    assert is_member(network, c)


def test_a_peer_that_does_not_take_note_is_silent() -> None:
    """As with a barrier: who is READY and does not confirm within half a second gets no new work."""
    network, a, b, c = joined("a", "b", "c")
    network.stop(b)

    token = a.group_add("log", "audit")
    network.run(0.6)

    assert (missing_of(a, token), error_of(a, token)) == ({b.node_id}, None)
    assert (a.sees(b), a.sees(c)) == ("silent", "ready")


def test_a_peer_whose_link_starts_anew_is_waited_for() -> None:
    """A peer that is about to be READY must take note too: once group_add is over it sends to the member."""
    network, a, b = joined("a", "b")
    network.cut(a, b)
    network.run(0.01)
    state = a.sees(b)

    token = a.group_add("log", "audit")
    while not a.completed(token):
        network.run(0.001)

    assert state == "greeted"
    assert (missing_of(a, token), a.sees(b)) == (set(), "ready")
    assert is_member(network, b)


def test_a_newcomer_knows_the_roster_before_it_is_ready() -> None:
    """Whoever has a peer as READY sends to its named members, from the first moment."""
    network, a = joined("a")
    network.delay(a, a, 0.0)
    a.group_add("log", "audit")
    late = network.add("late")
    network.delay(a, late, 0.02)
    while late.sees(a) != "ready":
        network.run(0.0005)

    assert is_member(network, late)


@pytest.mark.parametrize("seed", range(8))
def test_the_roster_is_not_told_to_a_dead_pipe(seed: int) -> None:
    """A node that comes back hears what it missed, also if the end of its former connection is noticed only later."""
    network, a, b = joined("a", "b", seed=seed)
    a.group_add("log", "audit")
    network.run(0.1)
    network.sever(b.subs[a.pub], noticed_after_s=14.0)
    network.partition(a, b)
    network.run(12.0)
    states = a.sees(b), b.sees(a)

    a.group_discard("log", "audit")
    network.heal(a, b)
    network.run(10.0)

    assert states == (None, None)
    assert_meshed(a, b)
    assert not is_member(network, b)


def test_the_word_of_the_dead_spreads() -> None:
    """What a node told only some before it died, these tell the others."""
    network, a, b, c = joined("a", "b", "c")
    network.partition(a, c)
    network.run(10.0)
    a.group_add("log", "audit")
    network.run(0.1)
    before = is_member(network, c)

    network.kill(a)
    network.run(12.0)

    assert not before
    assert is_member(network, b)
    assert is_member(network, c)


def test_a_full_roster_refuses_here_and_there() -> None:
    """One named member too many is refused, and a peer's full table is an error for the one who asked."""
    network, a = joined("a")
    small = network.add("small", limits=Limits(named_members=1))
    network.run(0.5)
    first, second = a.group_add("log", "audit"), a.group_add("log", "mail")
    network.run(0.1)

    with pytest.raises(LimitReached, match="1 named members"):
        small.group_add("log", "third")

    assert error_of(a, first) is None
    assert str(error_of(a, second)) == "the node that was asked has as many named members as its limits allow"


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_nodes_agree_after_any_partition(seed: int, data: st.DataObject) -> None:
    """Changes, cuts, partitions and deaths in any mixture: when all is healed, all nodes name the same members."""
    network, *nodes = joined("a", "b", "c", "d", seed=seed)
    channels = ["audit", "mail"]
    steps = st.sampled_from(["add", "add", "discard", "discard", "part", "heal", "cut", "kill", "run"])
    for _ in range(data.draw(st.integers(5, 30))):
        living = [node for node in nodes if node.is_alive]
        one, other = data.draw(st.permutations(living))[:2]
        match data.draw(steps):
            case "add":
                one.group_add("log", data.draw(st.sampled_from(channels)))
            case "discard":
                one.group_discard("log", data.draw(st.sampled_from(channels)))
            case "part":
                network.partition(one, other)
            case "heal":
                network.heal(one, other)
            case "cut":
                network.cut(one, other)
            case "kill" if len(living) > 3:
                network.kill(one)
        network.run(data.draw(st.sampled_from([0.0, 0.01, 0.5, 4.0, 12.0])))

    living = [node for node in nodes if node.is_alive]
    for one in living:
        for other in living:
            network.heal(one, other)
    network.run(15.0)

    assert_meshed(*living)
    assert len({tuple(sorted(node.mesh.group_channels("log", network.now)[0])) for node in living}) == 1
