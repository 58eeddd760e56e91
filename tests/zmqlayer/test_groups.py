"""Groups of one node: members, their expiry, and when a group is forgotten."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from support.strategies import steps
from zmqlayer.groups import Groups

LINGER_S = 10.0
NAMES = ("g", "h")
CHANNELS = ("x!1", "x!2", "x!3")

groups = st.sampled_from(NAMES)
channels = st.sampled_from(CHANNELS)


class GroupsModel(RuleBasedStateMachine):
    """Groups beside a dict of members per group, and the time since when each has been empty."""

    def __init__(self) -> None:
        super().__init__()
        self.groups = Groups(LINGER_S)
        self.model: dict[str, dict[str, float]] = {}
        self.empty_since: dict[str, float] = {}
        self.now = 0.0

    @rule(group=groups, channel=channels, lives_s=st.sampled_from([1.0, 5.0, 60.0]))
    def add(self, group: str, channel: str, lives_s: float) -> None:
        assert self.groups.add(group, channel, self.now + lives_s) == (group not in self.model)
        self.model.setdefault(group, {})[channel] = self.now + lives_s

    @rule(group=groups, channel=channels)
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

    @rule(seconds=st.sampled_from([0.0, 1.0, 5.0, 10.0]))
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
        for group in NAMES:
            expected = [channel for channel, end in self.model.get(group, {}).items() if end > self.now]
            assert self.groups.members(group, self.now) == expected


TestGroups = GroupsModel.TestCase
TestGroups.settings = steps


def test_the_first_member_makes_the_group() -> None:
    """Only the first member of a group is news: the node subscribes for it."""
    groups = Groups(LINGER_S)

    assert groups.add("g", "x!1", 60.0)
    assert not groups.add("g", "x!2", 60.0)
    assert groups.add("h", "x!1", 60.0)


def test_members_stand_in_the_order_of_joining() -> None:
    """A membership that is renewed keeps its place."""
    groups = Groups(LINGER_S)
    for channel in ("x!2", "x!1", "x!2"):
        groups.add("g", channel, 60.0)

    assert groups.members("g", 0.0) == ["x!2", "x!1"]


def test_memberships_end_unless_renewed() -> None:
    """At its end a membership is over, swept or not; the renewed one lives on."""
    groups = Groups(LINGER_S)
    groups.add("g", "x!1", 60.0)
    groups.add("g", "x!2", 60.0)
    groups.add("g", "x!2", 90.0)

    assert groups.members("g", 59.9) == ["x!1", "x!2"]
    assert groups.members("g", 60.0) == ["x!2"]
    assert groups.sweep(60.0) == []
    assert groups.members("g", 60.0) == ["x!2"]


def test_an_empty_group_lingers() -> None:
    """A group without members stays known for a while, so that a page that reloads costs nothing."""
    groups = Groups(LINGER_S)
    groups.add("g", "x!1", 60.0)
    groups.discard("g", "x!1", 5.0)

    assert groups.sweep(14.9) == []
    assert not groups.add("g", "x!1", 60.0)
    groups.discard("g", "x!1", 15.0)
    assert groups.sweep(24.9) == []
    assert groups.sweep(25.0) == ["g"]
    assert groups.add("g", "x!1", 60.0)


def test_a_group_is_empty_from_its_first_emptiness() -> None:
    """Discarding who is no member, or clearing again, does not let an empty group linger longer."""
    groups = Groups(LINGER_S)
    groups.add("g", "x!1", 60.0)
    groups.discard("g", "x!1", 0.0)

    groups.discard("g", "x!1", 9.0)
    groups.leave_all("x!1", 9.0)
    groups.clear(9.0)
    groups.discard("unknown", "x!1", 9.0)

    assert groups.sweep(10.0) == ["g"]
    assert list(groups) == []


def test_a_closed_channel_leaves_every_group() -> None:
    """A channel that is closed is a member of nothing, and its neighbours stay."""
    groups = Groups(LINGER_S)
    for group in NAMES:
        groups.add(group, "x!1", 60.0)
    groups.add("g", "x!2", 60.0)

    groups.leave_all("x!1", 0.0)

    assert [groups.members(group, 0.0) for group in NAMES] == [["x!2"], []]


def test_groups_may_end_while_all_are_looked_at() -> None:
    """Whoever goes through all groups may end each of them."""
    groups = Groups(0.0)
    for group in NAMES:
        groups.add(group, "x!1", 60.0)

    for group in groups:
        groups.discard(group, "x!1", 0.0)
        groups.sweep(0.0)

    assert list(groups) == []
