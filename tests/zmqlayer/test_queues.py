"""The queues: first in first out, expiry, turns; each against a simple list as its model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import astuple, replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from support.strategies import letter, node, steps
from zmqlayer.names import inbox_of
from zmqlayer.queues import Backlog, Letter, Mailboxes

CHANNELS = ("x!", "x!a", "x!b", "y!a", "named", "single?a")
CAPACITY = 2

lifetimes = st.sampled_from([0.0, 1.0, 1.0, 5.0])


def by_content(letters: Iterable[Letter]) -> list[tuple[object, ...]]:
    """Return what letters hold, in an order that depends on nothing else."""
    return sorted(map(astuple, letters))


class BacklogModel(RuleBasedStateMachine):
    """A backlog beside a plain list, in which the letters stand in the order in which they were queued."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog()
        self.model: list[Letter] = []
        self.taken: list[Letter] = []
        self.now = 0.0
        self.queued = 0

    @rule(lives_s=lifetimes)
    def append(self, lives_s: float) -> None:
        self.queued += 1
        new = Letter("a", b"", self.now + lives_s, node(1), number=self.queued)
        self.backlog.append(new)
        self.model.append(new)

    @precondition(lambda self: self.model)
    @rule()
    def pop(self) -> None:
        assert self.backlog.oldest() == self.model[0].deadline
        letter = self.backlog.pop()
        assert letter == self.model.pop(0)
        self.taken.append(letter)

    @precondition(lambda self: self.taken)
    @rule(choice=st.integers(0, 100), late_s=st.sampled_from([0.0, 0.5]))
    def restore(self, choice: int, late_s: float) -> None:
        returned = self.taken.pop(choice % len(self.taken))
        returned = replace(returned, deadline=returned.deadline + late_s)
        self.backlog.restore(returned)
        self.model.append(returned)
        self.model.sort(key=lambda letter: letter.number)

    @rule(number=st.integers(1, 20))
    def remove(self, number: int) -> None:
        found = next((letter for letter in self.model if letter.number == number), None)
        assert self.backlog.remove(number) == found
        self.model = [letter for letter in self.model if letter.number != number]

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 3.0]))
    def expire(self, seconds: float) -> None:
        self.now += seconds
        assert self.backlog.expire(self.now) == [letter for letter in self.model if letter.deadline <= self.now]
        self.model = [letter for letter in self.model if letter.deadline > self.now]

    @rule()
    def clear(self) -> None:
        assert self.backlog.clear() == self.model
        self.model = []

    @invariant()
    def has_equal_length(self) -> None:
        assert len(self.backlog) == len(self.model)


def deliver(boxes: Mailboxes, new: Letter) -> bool:
    """Deliver one message, or one copy of a group message as members share it. Returns whether there was room."""
    if new.is_copy:
        return bool(boxes.deliver_copies(replace(new, channel=""), [new.channel], lambda channel: CAPACITY))
    boxes.deliver(new.channel, [new])
    return True


class MailboxesModel(RuleBasedStateMachine):
    """Mailboxes beside one list per channel and, for each prefix, the order in which its channels take turns."""

    def __init__(self) -> None:
        super().__init__()
        self.boxes = Mailboxes()
        self.model: dict[str, deque[Letter]] = {}
        self.turns: dict[str, list[str]] = {}
        self.now = 0.0
        self.delivered = 0

    @rule(channel=st.sampled_from(CHANNELS), lives_s=lifetimes, is_copy=st.booleans())
    def deliver(self, channel: str, lives_s: float, is_copy: bool) -> None:
        self.delivered += 1
        new = letter(channel, self.now + lives_s, str(self.delivered).encode(), is_copy=is_copy)
        is_full = is_copy and sum(one.is_copy for one in self.model.get(channel, ())) >= CAPACITY
        assert deliver(self.boxes, new) != is_full
        if is_full:
            return
        if channel not in self.model:
            self.turns.setdefault(inbox_of(channel), []).append(channel)
        self.model.setdefault(channel, deque()).append(replace(new, channel="") if is_copy else new)

    @rule(channel=st.sampled_from([name for name in CHANNELS if not name.endswith("!")]))
    def pop_channel(self, channel: str) -> None:
        expected = self.model[channel].popleft() if channel in self.model else None
        assert self.boxes.pop(channel) == expected
        self.forget_empty()

    @rule(prefix=st.sampled_from(["x!", "y!", "z!"]))
    def pop_prefix(self, prefix: str) -> None:
        turns = self.turns.get(prefix, [])
        expected = replace(self.model[turns[0]].popleft(), channel=turns[0]) if turns else None
        assert self.boxes.pop_turn(prefix) == expected
        if turns:
            turns.append(turns.pop(0))
        self.forget_empty()

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 3.0]))
    def expire(self, seconds: float) -> None:
        self.now += seconds
        expired = [one for queue in self.model.values() for one in queue if one.deadline <= self.now]
        assert by_content(self.boxes.expire(self.now)) == by_content(expired)
        for channel, queue in self.model.items():
            self.model[channel] = deque(one for one in queue if one.deadline > self.now)
        self.forget_empty()

    @rule(channel=st.sampled_from(CHANNELS))
    def drop(self, channel: str) -> None:
        assert list(self.boxes.drop(channel)) == list(self.model.pop(channel, []))
        self.forget_empty()

    @rule()
    def drop_all(self) -> None:
        assert by_content(self.boxes.drop_all()) == by_content(one for queue in self.model.values() for one in queue)
        self.model = {}
        self.forget_empty()

    @invariant()
    def holds_the_same(self) -> None:
        assert len(self.boxes) == sum(map(len, self.model.values()))
        assert self.boxes.copies.count == sum(one.is_copy for queue in self.model.values() for one in queue)
        assert self.boxes.channels == self.model.keys()
        for channel, queue in self.model.items():
            lying = [one for one in self.boxes if one.channel == channel]
            assert lying == [replace(one, channel=channel) for one in queue]

    def forget_empty(self) -> None:
        self.model = {channel: queue for channel, queue in self.model.items() if queue}
        self.turns = {
            prefix: [channel for channel in turns if channel in self.model] for prefix, turns in self.turns.items()
        }

    def teardown(self) -> None:
        """Idle channels cost nothing: what is empty holds nothing at all."""
        for channel in CHANNELS:
            list(self.boxes.drop(channel))
        assert not self.boxes._boxes
        assert not self.boxes._by_prefix


TestBacklog = BacklogModel.TestCase
TestBacklog.settings = steps
TestMailboxes = MailboxesModel.TestCase
TestMailboxes.settings = steps


def bodies(letters: Iterable[Letter | None]) -> list[bytes | None]:
    return [one and one.body for one in letters]


def test_returned_letters_find_their_place() -> None:
    """Returned in any order, letters stand where they were queued, before those that were queued later."""
    backlog = Backlog()
    for number in (3, 5, 6):
        backlog.append(replace(letter(), number=number))

    for number in (2, 4, 1, 7):
        backlog.restore(replace(letter(), number=number))

    assert [backlog.pop().number for _ in range(7)] == [1, 2, 3, 4, 5, 6, 7]


def test_an_expired_letter_hides_behind_no_other() -> None:
    """A peer's letter may live longer than ours behind it; ours still expire and take no room."""
    backlog = Backlog()
    for deadline in (90.0, 60.0, 61.0):
        backlog.append(letter(deadline=deadline))

    assert [one.deadline for one in backlog.expire(60.0)] == [60.0]
    assert len(backlog) == 2
    assert [one.deadline for one in backlog.expire(90.0)] == [90.0, 61.0]


def test_a_deadline_is_the_end() -> None:
    """A letter has expired at its deadline, not only after it."""
    backlog, boxes = Backlog(), Mailboxes()
    backlog.append(letter(deadline=60.0))
    deliver(boxes, letter("x!a", 60.0))

    assert backlog.expire(59.9) == []
    assert list(boxes.expire(59.9)) == []
    assert len(backlog.expire(60.0)) == 1
    assert len(list(boxes.expire(60.0))) == 1


def test_channels_take_turns() -> None:
    """A reader of a prefix gets from each channel in turn, so that a busy one does not starve a quiet one."""
    boxes = Mailboxes()
    for body in (b"1", b"2", b"3"):
        deliver(boxes, letter("x!busy", body=body))
    deliver(boxes, letter("x!quiet", body=b"quiet"))

    taken = [boxes.pop_turn("x!") for _ in range(5)]

    assert bodies(taken) == [b"1", b"quiet", b"2", b"3", None]


def test_a_bare_prefix_is_a_channel_of_its_own() -> None:
    """Dropping a channel whose name is the bare prefix leaves its neighbours' messages alone."""
    boxes = Mailboxes()
    deliver(boxes, letter("x!", body=b"bare"))
    deliver(boxes, letter("x!a", body=b"neighbour"))

    assert bodies(boxes.drop("x!")) == [b"bare"]
    assert bodies(boxes) == [b"neighbour"]
    assert bodies(boxes.drop("x!")) == []
    assert bodies(boxes.drop_all()) == [b"neighbour"]


def test_a_bare_prefix_is_read_with_its_neighbours() -> None:
    """A message to the bare prefix is read by whoever reads the prefix."""
    boxes = Mailboxes()
    deliver(boxes, letter("x!a", body=b"neighbour"))
    deliver(boxes, letter("x!", body=b"bare"))

    assert bodies([boxes.pop_turn("x!"), boxes.pop_turn("x!")]) == [b"neighbour", b"bare"]
    assert boxes.pop_turn("x!") is None


def test_a_channel_is_read_in_order() -> None:
    """A reader of one channel gets its letters first in first out, and nothing of its neighbours."""
    boxes = Mailboxes()
    for channel, body in (("x!a", b"1"), ("x!b", b"other"), ("x!a", b"2")):
        deliver(boxes, letter(channel, body=body))

    assert bodies([boxes.pop("x!a"), boxes.pop("x!a"), boxes.pop("x!a")]) == [b"1", b"2", None]
    assert len(boxes) == 1


@pytest.mark.parametrize(("take", "name"), [(Mailboxes.pop, "x!a"), (Mailboxes.pop_turn, "x!")])
def test_a_copy_that_is_taken_makes_room(take: Callable[[Mailboxes, str], Letter | None], name: str) -> None:
    """A channel that is full of copies has room for one more after each that is read, and no message makes any."""
    boxes = Mailboxes()
    for is_copy in (True, False, True):
        deliver(boxes, letter("x!a", is_copy=is_copy))

    for makes_room in (True, False, True):
        take(boxes, name)
        assert deliver(boxes, letter("x!a", is_copy=True)) == makes_room
        assert not deliver(boxes, letter("x!a", is_copy=True))


def test_the_living_stay_in_a_mailbox() -> None:
    """Where some letters of a channel expired, the others stay, in order, and only they take room."""
    boxes = Mailboxes()
    for deadline, is_copy in ((60.0, True), (90.0, True), (61.0, False), (91.0, False)):
        deliver(boxes, letter("x!a", deadline, is_copy=is_copy))

    assert [one.deadline for one in boxes.expire(61.0)] == [60.0, 61.0]

    assert [deliver(boxes, letter("x!a", 92.0, is_copy=True)) for _ in range(2)] == [True, False]
    assert [one and one.deadline for one in (boxes.pop("x!a"), boxes.pop_turn("x!"))] == [90.0, 91.0]
    assert [one.deadline for one in boxes] == [92.0]
