"""The switchboard: for each event, who is woken, who is told, and who is left alone."""

from __future__ import annotations

import itertools
from logging import INFO, WARNING
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.strategies import node, quick
from zmqlayer.config import Config
from zmqlayer.events import Completed, Ended, Event, Interest, Joined, Lost, PeerChanged, Readable, Room
from zmqlayer.identity import Identity
from zmqlayer.journal import Said
from zmqlayer.mesh import Mesh
from zmqlayer.names import short
from zmqlayer.peers import PeerInfo, PeerState
from zmqlayer.ports import Door, Loss
from zmqlayer.switchboard import Calls, Receiver, Switchboard
from zmqlayer.waiters import Waiter

OWN, PREFIX = "x!a", "x!"


class CountingMesh(Mesh):
    """A mesh that notes which interests no longer wait."""

    def __init__(self) -> None:
        identity = Identity(node_id=node(9), role="test", hosts=("127.0.0.1",), doors=(Door("", 1, 2),))
        super().__init__(identity, Config(), lambda count: bytes(count))
        self.unwaited: list[Interest] = []

    def unwait(self, interest: Interest) -> None:
        self.unwaited.append(interest)
        super().unwait(interest)


class Board:
    """A switchboard on a mesh, with receivers that stand on both as the node puts them there."""

    def __init__(self) -> None:
        self.mesh = CountingMesh()
        self.mesh.start(0.0)
        self.mesh.outgoing()
        self.board = Switchboard()

    def receiver(self, *own: str, named: tuple[str, ...] = ()) -> Receiver:
        receiver = Receiver(Interest(own, named), Waiter())
        self.board.enlist(receiver)
        self.mesh.wait(receiver.interest, 0.0)
        return receiver

    def sort(self, *events: Event) -> Calls:
        self.board.sort(events, self.mesh)
        return self.calls()

    def calls(self) -> Calls:
        return self.board.take_calls()


@pytest.fixture
def board() -> Board:
    return Board()


def test_the_listener_is_told_in_one_batch(board: Board) -> None:
    """What was asked for comes in order; without a listener nobody asked."""
    told: list[list[Event]] = []
    notices = [Room("jobs"), Lost("a", Loss.EXPIRED), Ended("b")]
    nobody = board.sort(*notices)
    board.board.listeners = [told.append]

    board.sort(*notices).carry_out(lambda: None, [])

    assert (nobody.notices, told) == ({}, [notices])


def test_every_listener_is_told(board: Board) -> None:
    """Whose a notice is, its token says; the switchboard does not know."""
    told: list[list[Event]] = []
    heard: list[list[Event]] = []
    notices = [Room("jobs"), Ended("b")]
    board.board.listeners = [told.append, heard.append]

    board.sort(*notices).carry_out(lambda: None, [])

    assert (told, heard) == ([notices], [notices])


# Receivers


def test_one_message_wakes_one_receiver(board: Board) -> None:
    """Of several that wait for one channel the first is woken; the next message wakes the next."""
    receivers = [board.receiver(OWN) for _ in range(3)]

    assert board.sort(Readable(OWN)).waiters == [receivers[0].waiter]
    assert board.sort(Readable(OWN), Readable(OWN)).waiters == [receivers[1].waiter, receivers[2].waiter]
    assert board.sort(Readable(OWN)).waiters == []


def test_a_prefix_is_woken_for_its_channels(board: Board) -> None:
    """Whoever waits for a prefix is woken for any channel below it; whoever waits for the channel comes first."""
    general, special = board.receiver(PREFIX), board.receiver(OWN)

    assert board.sort(Readable(OWN)).waiters == [special.waiter]
    assert board.sort(Readable(OWN)).waiters == [general.waiter]
    assert board.sort(Readable("y!a")).waiters == []


def test_named_channels_wake_their_own_reader(board: Board) -> None:
    """A reader of several named channels is woken as one, and nobody else is."""
    board.receiver(named=("a",))
    both = board.receiver(named=("a", "b"))

    assert board.sort(Readable(("a", "b"))).waiters == [both.waiter]


def test_who_was_woken_waits_no_more(board: Board) -> None:
    """A receiver with several keys is off all of them once it is woken, and its credit is taken back once."""
    receiver = board.receiver(OWN, "y!b", named=("a",))

    calls = board.sort(Readable("y!b"), Readable(OWN), Readable(("a",)))

    assert calls.waiters == [receiver.waiter]
    assert board.mesh.unwaited == [receiver.interest]
    assert not board.board._receivers


def test_a_channel_named_twice_is_one(board: Board) -> None:
    """A receiver that names a channel twice is woken once."""
    receiver = board.receiver(OWN, OWN)

    assert board.sort(Readable(OWN), Readable(OWN)).waiters == [receiver.waiter]
    assert board.mesh.unwaited == [receiver.interest]


def test_who_gives_up_in_time_is_forgotten(board: Board) -> None:
    """A receiver that was not woken leaves, and nobody is woken for it."""
    receiver, other = board.receiver(OWN), board.receiver(OWN)

    board.board.dismiss(receiver, board.mesh)

    assert board.calls() == Calls()
    assert board.mesh.unwaited == [receiver.interest]
    assert board.sort(Readable(OWN)).waiters == [other.waiter]


def test_a_wake_that_comes_too_late_is_passed_on(board: Board) -> None:
    """A receiver that gives up although it was woken has one other woken for each of its keys: no message sleeps."""
    late, next_one = board.receiver(OWN, named=("a",)), board.receiver(PREFIX)
    reader = board.receiver(named=("a",))
    board.receiver(PREFIX)
    board.sort(Readable(OWN))

    board.board.dismiss(late, board.mesh)

    assert board.calls().waiters == [next_one.waiter, reader.waiter]


def test_every_receiver_can_be_woken(board: Board) -> None:
    """When all shall look around each is woken once, whatever it waits for."""
    receivers = [board.receiver(OWN, PREFIX), board.receiver(OWN), board.receiver(named=("a",))]

    board.board.wake_every_receiver(board.mesh)

    assert sorted(map(id, board.calls().waiters)) == sorted(id(receiver.waiter) for receiver in receivers)
    assert len(board.mesh.unwaited) == 3


@quick
@given(st.lists(st.sampled_from(["enlist", "wake", "give up", "wake all"]), max_size=30), st.randoms())
def test_only_who_waits_is_woken(steps: list[str], random: Random) -> None:
    """Whatever happens, only who waits is woken, once, and exactly those who were not are still listed."""
    board, waiting, woken = Board(), dict[Waiter, Receiver](), dict[Waiter, Receiver]()
    readable = [Readable(OWN), Readable("x!b"), Readable("y!a"), Readable(("a",))]
    keys = [(OWN, ()), (PREFIX, ()), (OWN, ("a",)), ("y!a", ("a",))]
    for step in steps:
        if step == "enlist":
            own, named = random.choice(keys)
            receiver = board.receiver(own, named=named)
            waiting[receiver.waiter] = receiver
        elif step == "wake":
            board.board.sort([random.choice(readable)], board.mesh)
        elif step == "wake all":
            board.board.wake_every_receiver(board.mesh)
        elif pool := [*waiting.values(), *woken.values()]:
            receiver = random.choice(pool)
            board.board.dismiss(receiver, board.mesh)
            waiting.pop(receiver.waiter, None)
            woken.pop(receiver.waiter, None)
        for waiter in board.calls().waiters:
            woken[waiter] = waiting.pop(waiter)
    listed = set(itertools.chain.from_iterable(board.board._receivers.values()))
    assert listed == set(waiting.values())


# Watchers


def test_watchers_are_told_of_channels_nobody_waits_for(board: Board) -> None:
    """A watcher of a prefix is told the channels below it, in one batch, unless somebody waits for them."""
    told: list[list[str]] = []
    board.board.watch(PREFIX, told.append)
    receiver = board.receiver(OWN)

    calls = board.sort(Readable(OWN), Readable("x!b"), Readable(OWN), Readable("y!a"), Readable(("x",)))

    assert calls.waiters == [receiver.waiter]
    assert list(calls.readable.values()) == [["x!b", OWN]]
    assert told == [], "called by the node, outside the lock"


# Requests


def test_a_request_wakes_who_made_it(board: Board) -> None:
    """The end of a request wakes its waiter once, and its result is there once."""
    waiter = Waiter()
    board.board.open_request(1, waiter)

    assert board.sort(Completed(2), Completed(1), Completed(1)).waiters == [waiter]
    assert board.board.close_request(1) == Completed(1)
    assert board.board.close_request(1) is None


def test_a_closed_request_is_not_missed(board: Board) -> None:
    """Who no longer waits for a request is not woken, and its result is not kept."""
    board.board.open_request(1, Waiter())

    assert board.board.close_request(1) is None

    assert board.sort(Completed(1)) == Calls()
    assert board.board.close_request(1) is None


# Conditions


def test_a_condition_wakes_once_it_holds(board: Board) -> None:
    """Conditions are asked until they hold, each wakes once, and others wait on."""
    yes, no = Waiter(), Waiter()
    answers = iter([False, True])
    board.board.add_condition(lambda mesh: mesh is board.mesh and next(answers), yes)
    board.board.add_condition(lambda mesh: False, no)

    woken = []
    for _ in range(3):
        board.board.check_conditions(board.mesh)
        woken.append(board.calls().waiters)

    assert woken == [[], [yes], []]


def test_several_conditions_may_hold_at_once(board: Board) -> None:
    """All whose condition holds are woken in one round."""
    waiters = [Waiter(), Waiter(), Waiter()]
    for waiter in waiters:
        board.board.add_condition(lambda mesh: True, waiter)

    board.board.check_conditions(board.mesh)

    assert board.calls().waiters == waiters


def test_a_dropped_condition_wakes_nobody(board: Board) -> None:
    """Who gave up is not woken; the others are."""
    gone, here = Waiter(), Waiter()
    for waiter in (gone, here):
        board.board.add_condition(lambda mesh: True, waiter)

    board.board.drop_condition(gone)
    board.board.check_conditions(board.mesh)

    assert board.calls().waiters == [here]


def test_the_end_wakes_everybody(board: Board) -> None:
    """Who receives, who made a request, who waits for a condition: each once, and nothing is left of them."""
    receiver, asker, watcher = board.receiver(OWN), Waiter(), Waiter()
    board.board.open_request(1, asker)
    board.board.add_condition(lambda mesh: True, watcher)

    board.board.end(board.mesh)
    board.board.check_conditions(board.mesh)

    assert board.sort(Completed(1)).waiters == [receiver.waiter, asker, watcher]
    assert board.board.close_request(1) is None


# Peers


def test_changes_are_passed_on(board: Board) -> None:
    """What happens to peers is handed on in order; having joined concerns nobody."""
    info = PeerInfo(node(1), "worker", "tcp://127.0.0.1:1", "ready")
    up, gone = PeerChanged(info, PeerState.READY, 0.1), PeerChanged(info, PeerState.GONE, 5.0)

    assert board.sort(up, Joined(), gone).changes == [up, gone]


def test_calls_are_taken_once(board: Board) -> None:
    """Where there is nothing to do there is nothing to take."""
    assert not board.board.has_calls
    board.receiver(OWN)
    board.board.sort([Readable(OWN)], board.mesh)

    assert board.board.has_calls
    assert board.board.take_calls().waiters
    assert not board.board.has_calls
    assert board.board.take_calls() == Calls()


# Calls


class ClosedWaiter(Waiter):
    """A waiter whose loop is closed."""

    __slots__ = ()

    def wake(self) -> bool:
        return False


def test_calls_reach_everyone() -> None:
    """Others look around for a waiter that is gone; watchers and callbacks hear theirs, though one callback fails."""
    heard: list[object] = []
    gone = PeerChanged(PeerInfo(node(1), "worker", "tcp://127.0.0.1:1", "gone"), PeerState.GONE, 5.0)
    calls = Calls([ClosedWaiter()], {heard.extend: [OWN]}, [gone])

    calls.carry_out(lambda: heard.append("look around"), [lambda change: 1 / 0, heard.append])

    assert heard == ["look around", OWN, gone]


def test_lines_for_the_log_come_before_what_is_said_of_peers(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    """In the order in which they came up; a change of a peer is named when its callbacks are told."""
    gone = PeerChanged(PeerInfo(node(1), "worker", "tcp://127.0.0.1:1", "gone"), PeerState.GONE, 5.0)
    calls = board.sort(Said(WARNING, "lost %d", (1,)), gone, Said(WARNING, "lost %d", (2,)))
    before = list(caplog.messages)

    with caplog.at_level(INFO, "zmqlayer"):
        calls.carry_out(lambda: None, [])

    assert before == []
    said = [message.partition(" at ")[0] for message in caplog.messages]
    assert said == ["lost 1", "lost 2", f"worker {short(node(1))}"]
