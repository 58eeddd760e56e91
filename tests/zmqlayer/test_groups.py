"""Groups of one node: members, their expiry and bounds, and when a group is forgotten."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from support.strategies import steps
from zmqlayer.exceptions import LimitReached
from zmqlayer.groups import Groups
from zmqlayer.limits import Limits

LIVES_S = 60.0
LINGER_S = 10.0
NAMES = ("g", "h", "i")
CHANNELS = ("x!1", "x!2", "x!3")
LIMITS = Limits(groups=2, memberships=4)

group_names = st.sampled_from(NAMES)
channels = st.sampled_from(CHANNELS)


def make(limits: Limits | None = None) -> Groups:
    return Groups(LIVES_S, LINGER_S, limits or Limits())


class GroupsModel(RuleBasedStateMachine):
    """Groups beside a dict of members per group, and the time since when each has been empty."""

    def __init__(self) -> None:
        super().__init__()
        self.groups = make(LIMITS)
        self.model: dict[str, dict[str, float]] = {}
        self.empty_since: dict[str, float] = {}
        self.now = 0.0

    @rule(group=group_names, channel=channels)
    def add(self, group: str, channel: str) -> None:
        is_new = group not in self.model
        is_full = is_new and len(self.model) >= LIMITS.groups
        is_full |= channel not in self.model.get(group, {}) and self.count() >= LIMITS.memberships
        if is_full:
            with pytest.raises(LimitReached):
                self.groups.add(group, channel, self.now)
            return
        assert self.groups.add(group, channel, self.now) == is_new
        self.model.setdefault(group, {})[channel] = self.now + LIVES_S

    @rule(group=group_names, channel=channels)
    def discard(self, group: str, channel: str) -> None:
        self.groups.discard(group, channel, self.now)
        self.model.get(group, {}).pop(channel, None)

    @rule(channel=channels)
    def leave_all(self, channel: str) -> None:
        self.groups.leave_all(channel, self.now)
        for members in self.model.values():
            members.pop(channel, None)

    @rule()
    def clear(self) -> None:
        self.groups.clear(self.now)
        for members in self.model.values():
            members.clear()

    @rule(seconds=st.sampled_from([0.0, 5.0, 10.0, 30.0]))
    def sweep(self, seconds: float) -> None:
        self.now += seconds
        for group, members in self.model.items():
            self.model[group] = {channel: end for channel, end in members.items() if end > self.now}
        self.note_empty()
        idle = [group for group, since in self.empty_since.items() if since + LINGER_S <= self.now]
        assert sorted(self.groups.sweep(self.now)) == sorted(idle)
        for group in idle:
            del self.model[group], self.empty_since[group]

    @invariant()
    def note_empty(self) -> None:
        for group, members in self.model.items():
            if members:
                self.empty_since.pop(group, None)
            else:
                self.empty_since.setdefault(group, self.now)

    @invariant()
    def has_equal_members(self) -> None:
        assert list(self.groups) == list(self.model)
        assert len(self.groups) == self.count()
        for group in NAMES:
            expected = [channel for channel, end in self.model.get(group, {}).items() if end > self.now]
            assert self.groups.members(group, self.now) == expected

    def count(self) -> int:
        return sum(map(len, self.model.values()))


TestGroups = GroupsModel.TestCase
TestGroups.settings = steps


def test_the_first_member_makes_the_group() -> None:
    """Only the first member of a group is news: the node subscribes for it."""
    groups = make()

    assert groups.add("g", "x!1", 0.0)
    assert not groups.add("g", "x!2", 0.0)
    assert groups.add("h", "x!1", 0.0)


def test_members_stand_in_the_order_of_joining() -> None:
    """A membership that is renewed keeps its place."""
    groups = make()
    for channel in ("x!2", "x!1", "x!2"):
        groups.add("g", channel, 0.0)

    assert groups.members("g", 0.0) == ["x!2", "x!1"]


def test_memberships_end_unless_renewed() -> None:
    """At its end a membership is over, swept or not; the renewed one lives on."""
    groups = make()
    groups.add("g", "x!1", 0.0)
    groups.add("g", "x!2", 0.0)
    groups.add("g", "x!1", 30.0)

    assert groups.members("g", 59.9) == ["x!1", "x!2"]
    assert groups.members("g", 60.0) == ["x!1"]
    assert groups.sweep(60.0) == []
    assert groups.members("g", 60.0) == ["x!1"]
    assert len(groups) == 1


def test_an_empty_group_lingers() -> None:
    """A group without members stays known for a while, so that a page that reloads costs nothing."""
    groups = make()
    groups.add("g", "x!1", 0.0)
    groups.discard("g", "x!1", 5.0)

    assert groups.sweep(14.9) == []
    assert not groups.add("g", "x!1", 14.9)
    groups.discard("g", "x!1", 15.0)
    assert groups.sweep(24.9) == []
    assert groups.sweep(25.0) == ["g"]
    assert groups.add("g", "x!1", 25.0)


def test_a_group_is_empty_from_its_first_emptiness() -> None:
    """Discarding who is no member, or clearing again, does not let an empty group linger longer."""
    groups = make()
    groups.add("g", "x!1", 0.0)
    groups.discard("g", "x!1", 0.0)

    groups.discard("g", "x!1", 9.0)
    groups.leave_all("x!1", 9.0)
    groups.clear(9.0)
    groups.discard("unknown", "x!1", 9.0)

    assert groups.sweep(10.0) == ["g"]
    assert list(groups) == []


def test_a_closed_channel_leaves_every_group() -> None:
    """A channel that is closed is a member of nothing, and its neighbours stay."""
    groups = make()
    for group in ("g", "h"):
        groups.add(group, "x!1", 0.0)
    groups.add("g", "x!2", 0.0)

    groups.leave_all("x!1", 0.0)

    assert [groups.members(group, 0.0) for group in ("g", "h")] == [["x!2"], []]


def test_queues_among_the_members_are_known() -> None:
    """As long as they are in any group."""
    groups = Groups(60.0, 10.0, Limits())
    for group, channel in (("g", "x!1"), ("g", "x?2"), ("h", "x?2")):
        groups.add(group, channel, 0.0)

    seen = [set(groups.queues)]
    for group in ("g", "h"):
        groups.discard(group, "x?2", 0.0)
        seen.append(set(groups.queues))

    assert seen == [{"x?2"}, {"x?2"}, set()]


def test_groups_may_end_while_all_are_looked_at() -> None:
    """Whoever goes through all groups may end each of them."""
    groups = Groups(LIVES_S, 0.0, Limits())
    for group in ("g", "h"):
        groups.add(group, "x!1", 0.0)

    for group in groups:
        groups.discard(group, "x!1", 0.0)
        groups.sweep(0.0)

    assert list(groups) == []


def test_a_full_table_changes_nothing() -> None:
    """One group, or one member, too many is refused with the limit's name; who is a member is renewed all the same."""
    groups = make(LIMITS)
    for group in ("g", "h"):
        for channel in ("x!1", "x!2"):
            groups.add(group, channel, 0.0)

    with pytest.raises(LimitReached, match="2 groups"):
        groups.add("i", "x!1", 0.0)
    with pytest.raises(LimitReached, match="4 memberships"):
        groups.add("g", "x!3", 0.0)
    groups.add("g", "x!1", 30.0)

    assert groups.members("g", 70.0) == ["x!1"]
    assert list(groups) == ["g", "h"]
