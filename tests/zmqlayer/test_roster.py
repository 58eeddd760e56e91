"""The roster: the later change wins everywhere, removals are remembered, and neither lives for ever."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.strategies import node, quick, values
from zmqlayer.exceptions import LimitReached, ProtocolError
from zmqlayer.names import encode_node_id
from zmqlayer.roster import Note, Roster

A, B, C = node(1), node(2), node(3)
LIVES_S = 60.0
GOOD: list[Any] = ["log", "audit", 1, bytes(A), True, 5.0]


def make(node_id: bytes = A, limit: int = 100) -> Roster:
    return Roster(node_id, LIVES_S, limit)  # type: ignore[arg-type]  # any 16 bytes do


def tell(teller: Roster, listener: Roster, now: float) -> None:
    """Let one roster tell another everything, over the wire."""
    for note in teller:
        listener.merge(Note.from_wire(note.to_wire(now), now, LIVES_S), now)


def table(roster: Roster) -> set[tuple[str, str, int, bytes, bool]]:
    """Return all that is known but the times, which travel."""
    return {note[:5] for note in roster}


def test_a_member_is_one_until_it_leaves_or_ends() -> None:
    """Members are listed until they are removed, or end unless they are added again."""
    roster = make()
    for channel in ("audit", "mail", "trace"):
        roster.add("log", channel, 0.0)
    roster.discard("log", "mail", 1.0)
    roster.add("log", "audit", 30.0)

    assert roster.members("log", 59.9) == ["audit", "trace"]
    assert roster.members("log", 60.0) == ["audit"]
    assert roster.members("other", 0.0) == []


def test_what_ended_is_forgotten() -> None:
    """A sweep leaves nothing of memberships and removals whose time is up."""
    roster = make()
    roster.add("log", "audit", 0.0)
    roster.discard("log", "mail", 1.0)

    roster.sweep(60.0)
    assert table(roster) == {("log", "mail", 2, A, False)}
    assert len(roster) == 0
    roster.sweep(61.0)
    assert table(roster) == set()


def test_a_removal_is_not_undone_by_who_missed_it() -> None:
    """A node that did not hear of a removal does not bring the member back, and learns of the removal."""
    here, there = make(A), make(B)
    here.add("log", "audit", 0.0)
    tell(here, there, 0.0)
    here.discard("log", "audit", 10.0)

    tell(there, here, 20.0)
    tell(here, there, 20.0)

    assert here.members("log", 20.0) == there.members("log", 20.0) == []


def test_who_comes_back_after_a_removal_is_a_member() -> None:
    """An addition after a removal is the later change, whoever makes it."""
    here, there = make(A), make(B)
    here.discard("log", "audit", 0.0)
    tell(here, there, 0.0)
    there.add("log", "audit", 1.0)

    tell(there, here, 2.0)
    tell(here, there, 2.0)

    assert here.members("log", 2.0) == there.members("log", 2.0) == ["audit"]


def test_telling_lengthens_no_life() -> None:
    """However often nodes tell each other of a member, it ends when it was to end."""
    here, there = make(A), make(B)
    here.add("log", "audit", 0.0)

    for now in (0.0, 20.0, 40.0, 59.0):
        tell(here, there, now)
        tell(there, here, now)

    assert there.members("log", 59.9) == ["audit"]
    assert there.members("log", 60.0) == []


def test_a_late_note_is_not_news() -> None:
    """A note whose time is up when it arrives changes nothing but the count of editions."""
    roster = make(A)

    roster.merge(Note("log", "audit", 7, B, True, 5.0), 5.0)

    assert table(roster) == set()
    assert roster.add("log", "audit", 5.0).edition == 8


def test_equal_editions_have_one_winner() -> None:
    """Two changes that knew nothing of each other end alike at both: by the author, and then against the member."""
    here, there = make(A), make(B)
    here.add("log", "audit", 0.0)
    there.discard("log", "audit", 0.0)
    tell(here, there, 1.0)
    tell(there, here, 1.0)
    assert table(here) == table(there) == {("log", "audit", 1, B, False)}

    assert Note("g", "c", 1, A, False, 9.0).is_later_than(Note("g", "c", 1, A, True, 9.0))


def test_members_are_bounded() -> None:
    """One member too many is refused, here and from others; renewals and removals always fit."""
    roster = make(limit=2)
    for channel in ("a", "b"):
        roster.add("log", channel, 0.0)

    with pytest.raises(LimitReached, match="2 named members"):
        roster.add("log", "c", 0.0)
    assert not roster.merge(Note("log", "d", 9, B, True, 60.0), 0.0)
    assert roster.merge(Note("log", "a", 9, B, True, 60.0), 0.0)
    roster.discard("log", "b", 0.0)
    assert roster.merge(Note("log", "d", 9, B, True, 60.0), 0.0)
    assert (roster.members("log", 0.0), len(roster)) == (["a", "d"], 2)


def test_removals_are_bounded() -> None:
    """The oldest removal is forgotten for the newest."""
    roster = make(limit=2)

    for channel in ("a", "b", "c"):
        roster.discard("log", channel, 0.0)

    assert {note.channel for note in roster} == {"b", "c"}


def test_a_flushed_roster_remembers_what_it_lost() -> None:
    """Clearing removes every member as if each had been discarded."""
    here, there = make(A), make(B)
    here.add("log", "audit", 0.0)
    tell(here, there, 0.0)

    here.clear(1.0)
    tell(there, here, 2.0)

    assert (len(here), here.members("log", 2.0)) == (0, [])


def test_the_last_edition_is_the_last() -> None:
    """A peer that claims the greatest number cannot make a node say one that others refuse."""
    roster = make(A)
    roster.merge(Note("log", "audit", 2**32, B, True, 60.0), 0.0)

    note = roster.discard("log", "audit", 0.0)

    assert Note.from_wire(note.to_wire(0.0), 0.0, LIVES_S).edition == 2**32
    assert roster.members("log", 0.0) == []


def test_notes_survive_the_wire() -> None:
    """A note is the same after a trip, but for a life longer than the receiver allows."""
    note = Note("log", "audit", 3, A, True, 100.0)

    assert Note.from_wire(note.to_wire(90.0), 90.0, LIVES_S) == note
    assert Note.from_wire(note.to_wire(0.0), 0.0, LIVES_S).ends_at == LIVES_S
    assert Note.from_wire([*GOOD, "of a later minor version"], 0.0, LIVES_S).channel == "audit"


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, "a b"), (0, None), (1, "a b"), (1, 7), (1, f"x.{encode_node_id(A)}!1"), (1, f"x?{encode_node_id(A)}1"),
     (2, 0), (2, -1), (2, 2**32 + 1), (2, 1.0), (2, True), (3, b"short"), (3, "x" * 16), (4, 1), (4, None),
     (5, -1.0), (5, math.nan), (5, "5"), (5, True)],
)  # fmt: skip
def test_impossible_notes_are_refused(place: int, value: object) -> None:
    """A peer cannot plant a note that no node would make."""
    assert Note.from_wire(GOOD, 0.0, LIVES_S).channel == "audit"

    with pytest.raises(ProtocolError):
        Note.from_wire([*GOOD[:place], value, *GOOD[place + 1 :]], 0.0, LIVES_S)


@quick
@given(values | st.lists(values, max_size=8))
def test_any_value_is_a_note_or_a_protocol_error(value: Any) -> None:
    """Whatever a peer sends is read or raises ProtocolError, and nothing else."""
    try:
        Note.from_wire(value, 0.0, LIVES_S)
    except ProtocolError:
        return


change = st.tuples(st.sampled_from(["add", "discard"]), st.integers(0, 2), st.sampled_from(["x", "y"]))
meeting = st.tuples(st.just("tell"), st.integers(0, 2), st.integers(0, 2))
passing = st.tuples(st.just("sweep"), st.integers(0, 2), st.sampled_from([0, 5, 29]))


@quick
@given(st.lists(change | meeting | passing, max_size=60))
def test_rosters_converge(steps: list[tuple[str, int, Any]]) -> None:
    """Whatever nodes did and told each other in whatever partitions: once all have talked, all know the same."""
    rosters, now = [make(A), make(B), make(C)], 0.0
    for step, number, what in steps:
        roster = rosters[number]
        match step:
            case "add":
                roster.add("log", what, now)
            case "discard":
                roster.discard("log", what, now)
            case "tell":
                tell(roster, rosters[what], now)
            case "sweep":
                now += what
                for each in rosters:
                    each.sweep(now)

    for _ in range(2):
        for teller in rosters:
            for listener in rosters:
                tell(teller, listener, now)

    assert table(rosters[0]) == table(rosters[1]) == table(rosters[2])
    assert len({tuple(sorted(roster.members("log", now))) for roster in rosters}) == 1


@quick
@given(st.lists(st.tuples(st.booleans(), st.sampled_from("xy"), st.floats(0, 50)), max_size=40))
def test_a_member_that_is_swept_is_one_that_ended(steps: list[tuple[bool, str, float]]) -> None:
    """Sweeping changes no answer: what is listed is what was added last and has not ended."""
    roster, now = make(), 0.0
    ends: dict[str, float] = {}
    for is_added, channel, seconds in steps:
        now += seconds
        if is_added:
            roster.add("log", channel, now)
            ends[channel] = now + LIVES_S
        else:
            roster.discard("log", channel, now)
            ends.pop(channel, None)
        expected = {name for name, end in ends.items() if end > now}
        assert set(roster.members("log", now)) == expected
        roster.sweep(now)
        assert set(roster.members("log", now)) == expected
