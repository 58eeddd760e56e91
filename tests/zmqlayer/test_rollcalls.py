"""Roll calls: who still owes an answer, when time is up, and callbacks that do something about it."""

from __future__ import annotations

import math
from collections.abc import Hashable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from support.strategies import node, steps
from zmqlayer.names import NodeId
from zmqlayer.rollcalls import RollCall, RollCalls

A, B, C = node(1), node(2), node(3)


class RollCallsModel(RuleBasedStateMachine):
    """Open roll calls beside the sets of those who owe an answer; each is over exactly once."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = RollCalls()
        self.owing: dict[int, set[NodeId]] = {}
        self.deadlines: dict[int, float] = {}
        self.over: list[Hashable] = []
        self.opened = 0
        self.now = 0.0

    @rule(peers=st.sets(st.sampled_from([A, B, C]), min_size=1), seconds=st.sampled_from([0.5, 1.0, 5.0]))
    def open(self, peers: set[NodeId], seconds: float) -> None:
        self.opened += 1
        self.owing[self.opened] = set(peers)
        self.deadlines[self.opened] = self.now + seconds
        self.calls.open(self.opened, peers, self.now + seconds, lambda call: self.over.append(call.key))

    @rule(back=st.integers(0, 3), peer=st.sampled_from([A, B, C]))
    def answer(self, back: int, peer: NodeId) -> None:
        number = self.opened - back
        self.calls.answer(number, peer, number)
        self.owing.get(number, set()).discard(peer)
        self.end({number} & self.owing.keys())

    @rule(peer=st.sampled_from([A, B, C]))
    def excuse(self, peer: NodeId) -> None:
        self.calls.excuse(peer)
        for owing in self.owing.values():
            owing.discard(peer)
        self.end(set(self.owing))

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0]))
    def tick(self, seconds: float) -> None:
        self.now += seconds
        late = {number for number in self.owing if self.deadlines[number] <= self.now}
        expected = {peer for number in late for peer in self.owing[number]}
        assert self.calls.tick(self.now) == expected
        self.end(late, is_late=True)

    def end(self, numbers: set[int], *, is_late: bool = False) -> None:
        ended = sorted(number for number in numbers if is_late or not self.owing[number])
        assert sorted(self.over, key=str) == sorted(ended, key=str)
        self.over.clear()
        for number in ended:
            del self.owing[number]

    @invariant()
    def knows_the_open_ones(self) -> None:
        assert len(self.calls) == len(self.owing)
        assert self.calls.next_at() == min((self.deadlines[number] for number in self.owing), default=math.inf)


TestRollCalls = RollCallsModel.TestCase
TestRollCalls.settings = steps


def test_all_answers_end_a_call() -> None:
    """Once all have answered the call is over, with what each said."""
    calls, over = RollCalls(), list[RollCall]()
    call = calls.open("key", [A, B], 1.0, over.append)

    calls.answer("key", A, "yes")
    assert over == []
    calls.answer("key", B, "no")

    assert over == [call]
    assert (call.answers, call.missing) == ({A: "yes", B: "no"}, set())


def test_time_ends_a_call_too() -> None:
    """When time is up the call is over, and says who is missing."""
    calls, over = RollCalls(), list[RollCall]()
    calls.open("key", [A, B], 1.0, over.append)
    calls.answer("key", A)

    assert calls.tick(0.9) == set()
    assert calls.tick(1.0) == {B}

    assert [(call.answers, call.missing) for call in over] == [({A: None}, {B})]
    assert calls.next_at() == math.inf


def test_the_dead_owe_nothing() -> None:
    """A peer that is gone is not waited for, and not among the missing."""
    calls, over = RollCalls(), list[RollCall]()
    calls.open("key", [A, B], 1.0, over.append)

    calls.excuse(A)
    calls.excuse(C)
    assert over == []
    calls.excuse(B)

    assert [(call.answers, call.missing) for call in over] == [({}, set())]


def test_what_nobody_waits_for_is_ignored() -> None:
    """An answer of a stranger, a second one, or one to an unknown or closed call changes nothing."""
    calls, over = RollCalls(), list[RollCall]()
    call = calls.open("key", [A, B], 1.0, over.append)
    calls.answer("key", A, 1)

    calls.answer("key", A, 2)
    calls.answer("key", C, 3)
    calls.answer("other", B, 4)
    calls.tick(1.0)
    calls.answer("key", B, 5)

    assert call.answers == {A: 1}
    assert over == [call]


def test_several_wait_for_one_call() -> None:
    """Whoever joins an open call is told too, in the order of joining."""
    calls, told = RollCalls(), list[str]()
    call = calls.open("key", [A], 1.0, lambda call: told.append("first"))
    call.done.append(lambda call: told.append("second"))

    calls.answer("key", A)

    assert told == ["first", "second"]


def test_a_callback_may_open_calls() -> None:
    """A call that ends may open others, under its own key too, with any end: they stay open."""
    for end in ("answer", "excuse", "tick"):
        calls = RollCalls()

        def reopen(call: RollCall, calls: RollCalls = calls) -> None:
            calls.open(call.key, [B], 2.0, lambda call: None)
            calls.open((call.key, "more"), [B], 3.0, lambda call: None)

        for key in ("one", "two"):
            calls.open(key, [A], 1.0, reopen)

        if end == "answer":
            calls.answer("one", A)
            calls.answer("two", A)
        elif end == "excuse":
            calls.excuse(A)
        else:
            calls.tick(1.0)

        assert len(calls) == 4
        assert calls.next_at() == 2.0


def test_a_callback_may_end_calls() -> None:
    """A call that ends may end others that are due in the same moment: each is over once."""
    calls, over = RollCalls(), list[str]()

    def end_all(call: RollCall) -> None:
        over.append(str(call.key))
        for key in ("one", "two", "three"):
            calls.answer(key, A)

    for key in ("one", "two", "three"):
        calls.open(key, [A], 1.0, end_all)

    calls.tick(1.0)
    assert sorted(over) == ["one", "three", "two"]
    assert len(calls) == 0

    over.clear()
    for key in ("one", "two", "three"):
        calls.open(key, [A], 1.0, end_all)
    calls.excuse(A)
    assert len(over) == 3
    assert len(calls) == 0
