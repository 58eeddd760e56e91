"""The pump: who sends what was decided, on which thread and when; and who drives."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from queue import Empty
from typing import Any

import pytest

from support.doubles import FakeClock, FakeTransport
from zmqlayer import pump as pump_module
from zmqlayer.actions import Action, Subscribe
from zmqlayer.config import Config
from zmqlayer.counters import Drop
from zmqlayer.events import Room
from zmqlayer.exceptions import ChannelFull
from zmqlayer.identity import Identity
from zmqlayer.mesh import Mesh
from zmqlayer.names import NodeId, encode_node_id
from zmqlayer.ports import Door
from zmqlayer.pump import CLOSE_BEHIND_S, MOST_DEFERRED, Pump
from zmqlayer.switchboard import Calls, Switchboard

WITHIN_S = 10.0
SENDERS, SENDS = 4, 400
BODY = b"\x80"


class Wires(FakeTransport):
    """
    A transport that says who used it.

    Attributes:
        senders: The thread of each call that carried something out.
        rings: How often it was woken.
        is_held: Set while a call waits, within ``carry_out``, for ``may_go_on``.
        finds_input: Whether sending will look into the sockets and see something.
        input: What ``wait`` returns,
        at_hand: and ``peek``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.senders: list[int] = []
        self.rings = 0
        self.is_held, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()
        self.finds_input = False
        self.input: AbstractSet[int] = frozenset()
        self.at_hand: AbstractSet[int] = frozenset({7})
        self.collected: list[AbstractSet[int]] = []
        self._is_used = threading.Lock()

    def hold(self) -> None:
        """Let the next call that carries something out wait."""
        self.may_go_on.clear()

    def wake(self) -> None:
        self.rings += 1

    def wait(self, timeout_s: float) -> AbstractSet[int]:
        return self.input

    def peek(self) -> AbstractSet[int]:
        return self.at_hand

    def collect(self, ready: AbstractSet[int]) -> tuple[list[bytes], list[bytes]]:
        self.collected.append(ready)
        return super().collect(ready)

    def carry_out(self, actions: Iterable[Action]) -> None:
        assert self._is_used.acquire(blocking=False), "two threads are at the sockets"
        try:
            self.senders.append(threading.get_ident())
            self.is_held.set()
            assert self.may_go_on.wait(WITHIN_S)
            super().carry_out(actions)
            self.has_input = self.has_input or self.finds_input
        finally:
            self._is_used.release()

    def taken(self) -> list[bytes]:
        """Return what was carried out since the last call."""
        taken: list[bytes] = []
        while True:
            try:
                taken.append(self.carried.get_nowait().topic)  # type: ignore[union-attr]  # subscriptions, all of them
            except Empty:
                return taken


class Lent:
    """A driver that drives when told."""

    def __init__(self) -> None:
        self.stops = 0

    def stop(self) -> None:
        self.stops += 1


class Rig:
    """A pump on doubles. Nobody drives it."""

    def __init__(self) -> None:
        config = Config.from_settings({"discovery": "off", "capacity": 2})
        self.node_id = NodeId(os.urandom(16))
        doors = (Door(config.cluster_tag, 1, 2),)
        self.mesh = Mesh(
            Identity(node_id=self.node_id, role="script", hosts=("127.0.0.1",), doors=doors), config, os.urandom
        )
        self.wires, self.clock, self.board = Wires(), FakeClock(), Switchboard()
        self.mesh.start(self.clock())
        self.pump = Pump(self.wires, self.mesh, self.board, self.clock, self._carry_out)
        self.pump.step(frozenset())
        self.wires.carried = type(self.wires.carried)()
        self.wires.senders.clear()
        self.wires.collected.clear()

    def _carry_out(self, calls: Calls) -> None:
        calls.carry_out(lambda: None, ())

    def send(self, *topics: bytes) -> None:
        """Ask for one action for each topic."""
        for topic in topics:
            self.pump.ask(lambda mesh, now, topic=topic: mesh.outbox.do(Subscribe(topic)))  # type: ignore[misc]

    def decide(self, topic: bytes) -> None:
        """Have an action decided, as a part of a question that is not over yet."""
        self.mesh.outbox.do(Subscribe(topic))

    def run(self, rounds: int) -> None:
        """Let the thread do so many rounds, here."""
        left = iter(range(rounds))
        self.pump.run(lambda: next(left, None) is not None)


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def threads() -> Iterator[Callable[..., threading.Thread]]:
    """Return a function that starts a thread; all have ended in the end."""
    started: list[threading.Thread] = []

    def start(target: Callable[..., object], *args: object) -> threading.Thread:
        started.append(thread := threading.Thread(target=target, args=args))
        thread.start()
        return thread

    yield start
    for thread in started:
        thread.join(WITHIN_S)
        assert not thread.is_alive()


@pytest.fixture
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread looks at a driver without waiting."""
    monkeypatch.setattr(pump_module, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(pump_module, "PAUSE_AFTER_BUG_S", 0.0)


# Who sends


def test_whoever_decides_sends(rig: Rig, threads: Any) -> None:
    """A caller on any thread sends what follows, before it goes on."""
    rig.send(b"a")
    here = rig.wires.taken()
    other = threads(rig.send, b"b")
    other.join(WITHIN_S)

    assert (here, rig.wires.taken()) == ([b"a"], [b"b"])
    assert rig.wires.senders == [threading.get_ident(), other.ident]


def test_nobody_waits_for_the_sockets(rig: Rig, threads: Any) -> None:
    """While one sends another only leaves what it wants sent; the first sends it too."""
    rig.wires.hold()
    first = threads(rig.send, b"a")
    assert rig.wires.is_held.wait(WITHIN_S)

    rig.send(b"b", b"c")

    before = rig.wires.taken()
    rig.wires.may_go_on.set()
    first.join(WITHIN_S)
    assert (before, rig.wires.taken()) == ([], [b"a", b"b", b"c"])
    assert set(rig.wires.senders) == {first.ident}


def test_a_step_looks_again(rig: Rig, threads: Any) -> None:
    """What others wanted sent while the driver was at the sockets leaves at the end of its step."""
    rig.decide(b"a")
    rig.wires.hold()
    driver = threads(rig.pump.step, frozenset())
    assert rig.wires.is_held.wait(WITHIN_S)

    rig.send(b"b")

    rig.wires.may_go_on.set()
    driver.join(WITHIN_S)
    assert rig.wires.taken() == [b"a", b"b"]
    assert set(rig.wires.senders) == {driver.ident}


def test_nothing_is_lost_between_many_senders(rig: Rig, threads: Any) -> None:
    """Threads and coroutines send at the same time, and one steps: each action leaves once, in its sender's order."""
    gate = threading.Barrier(2 * SENDERS + 1)
    is_over = threading.Event()

    def send(sender: int) -> None:
        gate.wait(WITHIN_S)
        for n in range(SENDS):
            rig.send(b"%d %d" % (sender, n))

    async def send_in_turns(sender: int) -> None:
        gate.wait(WITHIN_S)
        for n in range(SENDS):
            rig.send(b"%d %d" % (sender, n))
            if n % (sender + 1) == 0:
                await asyncio.sleep(0)

    def step() -> None:
        gate.wait(WITHIN_S)
        while not is_over.is_set():
            rig.pump.step(frozenset())

    stepper = threads(step)
    senders = [threads(send, number) for number in range(SENDERS)]
    senders += [threads(lambda n=n: asyncio.run(send_in_turns(n))) for n in range(SENDERS, 2 * SENDERS)]
    for sender in senders:
        sender.join(WITHIN_S)
    is_over.set()
    stepper.join(WITHIN_S)

    left: dict[int, list[int]] = {}
    for topic in rig.wires.taken():
        sender_of, number = topic.split()
        left.setdefault(int(sender_of), []).append(int(number))
    assert left == {sender: list(range(SENDS)) for sender in range(2 * SENDERS)}


def test_an_error_of_a_question_leaves_the_mesh_free(rig: Rig) -> None:
    """It is the caller's; the next one can ask."""
    with pytest.raises(ZeroDivisionError):
        rig.pump.ask(lambda mesh, now: 1 / 0)

    assert rig.pump.ask(lambda mesh, now: now) == rig.clock.now


# What is for the log


class Writes(logging.Handler):
    """A handler of the log that uses the node, as a page with the live log does."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self.heard: list[str] = []
        self._rig = rig

    def emit(self, record: logging.LogRecord) -> None:
        assert not self._rig.pump._at_mesh.locked(), "it would wait for a lock that its own thread holds"
        self.heard.append(record.getMessage().partition(":")[0])
        self._rig.send(b"a line")


@pytest.fixture
def log(rig: Rig) -> Iterator[Writes]:
    """Return the handler of the log."""
    logger, handler = logging.getLogger("zmqlayer"), Writes(rig)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def lose(mesh: Mesh, number: int) -> None:
    """Lose messages for a reason of their own: each has its line."""
    mesh.counters.drop(Drop(f"reason {number}"), 0.0, number)


def ask(rig: Rig) -> None:
    rig.pump.ask(lambda mesh, now: [lose(mesh, number) for number in (2, 3)])


def put(rig: Rig) -> None:
    rig.pump.put(lambda name, body, now: [lose(rig.mesh, number) for number in (2, 3)] and None, "", b"")


def take(rig: Rig) -> None:
    rig.pump.take(lambda key, now: [lose(rig.mesh, number) for number in (2, 3)] and None, "")


def take_in(rig: Rig) -> None:
    rig.mesh.receive = lambda wire, now, age_s: lose(rig.mesh, wire[0])  # type: ignore[method-assign]
    rig.wires.arrive(b"\2", b"\3")


def step(rig: Rig) -> None:
    take_in(rig)
    rig.pump.step(frozenset({7}))


def look(rig: Rig) -> None:
    take_in(rig)
    rig.pump.look()


def fail(rig: Rig) -> None:
    with pytest.raises(ZeroDivisionError):
        rig.pump.ask(lambda mesh, now: [lose(mesh, number) for number in (2, 3)] and 1 / 0)


def fail_to_put(rig: Rig) -> None:
    def send(name: str, body: bytes, now: float) -> None:
        for number in (2, 3):
            lose(rig.mesh, number)
        raise ChannelFull(name, 1)

    with pytest.raises(ChannelFull):
        rig.pump.put(send, "jobs", BODY)


def ask_at_the_end(rig: Rig) -> None:
    rig.pump.close(0.0)
    ask(rig)


@pytest.mark.parametrize("act", [ask, put, take, step, look, fail, fail_to_put, ask_at_the_end])
def test_the_log_is_written_with_the_mesh_free(rig: Rig, log: Writes, act: Callable[[Rig], None]) -> None:
    """Whatever is done, what it says comes at once and in order; who handles the log may use the node."""
    act(rig)

    assert log.heard == ["dropped 2 messages", "dropped 3 messages"]


def test_a_child_leaves_to_its_parent_what_that_has_to_say(rig: Rig, log: Writes) -> None:
    """A line that was not written when the process forked is written once, by the parent."""
    lose(rig.mesh, 2)

    rig.pump.abandon()

    assert log.heard == []


# Turns of an event loop


def test_what_is_sent_close_behind_waits_for_the_end_of_the_turn(rig: Rig) -> None:
    """It leaves together, in one go; what comes later leaves at once again, in whichever turn."""

    async def main() -> list[list[bytes]]:
        rig.send(b"a")
        seen = [rig.wires.taken()]
        rig.send(b"b", b"c")
        seen.append(rig.wires.taken())
        await asyncio.sleep(0)
        seen.append(rig.wires.taken())
        for topic in (b"d", b"e"):
            rig.clock.now += 2 * CLOSE_BEHIND_S
            rig.send(topic)
            seen.append(rig.wires.taken())
        return seen

    assert asyncio.run(main()) == [[b"a"], [], [b"b", b"c"], [b"d"], [b"e"]]
    assert len(rig.wires.senders) == 4


def test_a_thread_without_a_loop_puts_nothing_off(rig: Rig) -> None:
    """Nobody would come back for it at the end of a turn."""
    seen = []
    for topic in (b"a", b"b"):
        rig.send(topic)
        seen.append(rig.wires.taken())

    assert seen == [[b"a"], [b"b"]]


def test_what_waits_for_the_end_of_a_turn_is_bounded(rig: Rig) -> None:
    """After so many actions they leave, however long the turn."""
    topics = [b"%d" % n for n in range(MOST_DEFERRED)]

    async def main() -> list[list[bytes]]:
        rig.send(b"first", *topics[:-1])
        before = rig.wires.taken()
        rig.send(topics[-1])
        return [before, rig.wires.taken()]

    assert asyncio.run(main()) == [[b"first"], topics]


def test_others_take_along_what_waits(rig: Rig, threads: Any) -> None:
    """What another thread sends does not overtake what waits for the end of a turn."""

    async def main() -> list[bytes]:
        rig.send(b"a", b"b")
        rig.wires.taken()
        threads(rig.send, b"c").join(WITHIN_S)
        return rig.wires.taken()

    assert asyncio.run(main()) == [b"b", b"c"]


def test_two_loops_have_turns_of_their_own(rig: Rig, threads: Any) -> None:
    """That one loop is in the middle of a turn does not hold up another one."""

    async def other() -> None:
        rig.send(b"c")
        rig.send(b"d")

    async def main() -> list[bytes]:
        rig.send(b"a", b"b")
        threads(lambda: asyncio.run(other())).join(WITHIN_S)
        return rig.wires.taken()

    assert asyncio.run(main()) == [b"a", b"b", b"c", b"d"]


def test_a_turn_that_never_ended_holds_nobody_up(rig: Rig) -> None:
    """A loop was stopped and closed in the middle of one: its thread sends at once, as before, and so does the next."""
    loop = asyncio.new_event_loop()

    def leave() -> None:
        rig.send(b"a", b"b")
        loop.stop()

    loop.call_soon(leave)
    loop.run_forever()
    loop.close()
    seen = [rig.wires.taken()]

    rig.send(b"c")
    rig.clock.now += 2 * CLOSE_BEHIND_S

    async def main() -> list[bytes]:
        rig.send(b"d")
        return rig.wires.taken()

    assert [*seen, rig.wires.taken(), asyncio.run(main())] == [[b"a"], [b"b", b"c"], [b"d"]]


# Who sleeps, and what wakes it


def test_input_that_a_sender_noticed_wakes_the_driver(rig: Rig) -> None:
    """Sending may look into a socket, and then its descriptor is silent: the driver must not sleep over it."""
    rig.wires.finds_input = True

    rig.send(b"a")

    assert rig.wires.rings == 1
    assert rig.pump.step(frozenset()) == 0.0


def test_a_driver_may_sleep_until_something_is_due(rig: Rig) -> None:
    """A step says for how long, by the node's clock."""
    due_at = rig.mesh.next_deadline()

    assert rig.pump.step(frozenset()) == due_at - rig.clock.now
    rig.clock.now = due_at + 1
    assert rig.pump.step(frozenset()) > 0


def test_an_earlier_deadline_wakes_the_driver_once(rig: Rig) -> None:
    """It is woken if something is due earlier than it thinks, and not again until it has looked; later is no matter."""
    sleep_s = rig.pump.step(frozenset())
    rings = []
    for fraction in (2.0, 0.5, 0.4, 0.3):
        rig.pump.ask(lambda mesh, now, by=sleep_s * fraction: mesh.outbox.call_by(now + by))
        rings.append(rig.wires.rings)

    woken_for = rig.pump.step(frozenset())
    rig.pump.ask(lambda mesh, now: mesh.outbox.call_by(now + sleep_s * 0.2))

    assert rings == [0, 1, 1, 1]
    assert woken_for == pytest.approx(sleep_s * 0.3)
    assert rig.wires.rings == 2


def test_a_deadline_that_comes_up_in_a_step_is_seen_by_it(rig: Rig) -> None:
    """Who asks while the driver is awake need not wake it: it looks at the deadlines last of all."""

    def carry_out(actions: Iterable[Action]) -> None:
        rig.pump.ask(lambda mesh, now: mesh.outbox.call_by(now + 0.001))

    rig.wires.carry_out = carry_out  # type: ignore[method-assign]
    rig.decide(b"a")

    sleep_s = rig.pump.step(frozenset())

    assert sleep_s == pytest.approx(0.001)
    assert rig.wires.rings == 0


def test_taking_a_message_is_followed_up(rig: Rig) -> None:
    """What follows from it is sent, is waited for, and is told to who waits for the room that it leaves."""
    channel = f"x.{encode_node_id(rig.node_id)}!1"
    for _ in range(2):
        rig.pump.ask(lambda mesh, now: mesh.send(channel, BODY, now))
    heard: list[Any] = []
    rig.board.listeners = [heard.extend]
    rig.pump.ask(lambda mesh, now: mesh.notices.rooms.wait("a sender", channel, now))
    rig.pump.step(frozenset())
    settle = rig.mesh._accounts.settle

    def settle_and_report(letter: Any, now: float) -> None:
        settle(letter, now)
        rig.decide(b"a report")
        rig.mesh.outbox.call_by(now)

    rig.mesh._accounts.settle = settle_and_report  # type: ignore[method-assign]
    before = list(heard)

    letter = rig.pump.take(rig.mesh.take_mail, channel)

    assert letter is not None
    assert letter.body == BODY
    assert (before, heard) == ([], [Room(channel)])
    assert rig.wires.taken() == [b"a report"]
    assert rig.wires.rings == 1


def test_what_arrives_after_the_thread_is_lent_is_for_the_driver(rig: Rig, _looks_often: None) -> None:
    """It may be woken by that: what it would take in would not be given by hand to those who stand on the loop."""

    def wait(timeout_s: float) -> AbstractSet[int]:
        rig.pump.lend(Lent())
        return frozenset({7})

    rig.wires.wait = wait  # type: ignore[method-assign]

    rig.run(1)

    assert rig.wires.collected == []
    assert rig.pump.is_driven


# Who looks before he sleeps


def test_who_would_sleep_takes_in_what_is_there(rig: Rig) -> None:
    """It is received, and what follows is sent, as in a step of the driver, which is not woken."""

    def receive(wire: bytes, now: float, age_s: float) -> None:
        rig.decide(wire)

    rig.mesh.receive = receive  # type: ignore[method-assign]
    rig.wires.arrive(b"a", b"b")

    assert rig.pump.look()
    assert (rig.wires.collected, rig.wires.taken()) == ([{7}], [b"a", b"b"])
    assert rig.wires.rings == 0


def test_there_may_be_nothing(rig: Rig) -> None:
    """Then it sleeps."""
    rig.wires.at_hand = frozenset()

    assert not rig.pump.look()
    assert rig.wires.collected == []


@pytest.mark.parametrize("reason", ["a loop drives", "somebody is at the sockets", "it is closed"])
def test_it_may_be_left_to_others(rig: Rig, threads: Any, reason: str) -> None:
    """Nobody waits to be allowed to look."""
    if reason == "a loop drives":
        assert rig.pump.lend(Lent())
    elif reason == "it is closed":
        rig.pump.close(0.0)
    else:
        rig.wires.hold()
        threads(rig.send, b"a")
        assert rig.wires.is_held.wait(WITHIN_S)

    has_looked = rig.pump.look()

    rig.wires.may_go_on.set()
    assert not has_looked
    assert rig.wires.collected == []


@pytest.mark.parametrize("is_early", [True, False])
def test_a_deadline_that_comes_with_what_arrives(rig: Rig, is_early: bool) -> None:
    """The driver sleeps, and is woken if it would sleep for too long."""
    sleep_s = rig.pump.step(frozenset())

    def receive(wire: bytes, now: float, age_s: float) -> None:
        rig.mesh.outbox.call_by(now + sleep_s / (2 if is_early else 0.5))

    rig.mesh.receive = receive  # type: ignore[method-assign]
    rig.wires.arrive(b"a")

    assert rig.pump.look()
    assert rig.wires.rings == is_early
    assert rig.pump.step(frozenset()) == pytest.approx(sleep_s / (2 if is_early else 1))


def test_what_no_descriptor_tells_of_is_left_to_the_driver(rig: Rig) -> None:
    """There may be more than one look takes in."""
    rig.wires.has_input = True

    assert rig.pump.look()
    assert rig.wires.rings == 1


def test_a_look_that_meets_a_bug(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and not raised in whoever wanted a message; the driver goes on with what else arrived."""
    received: list[bytes] = []

    def receive(wire: bytes, now: float, age_s: float) -> None:
        received.append(wire)
        if wire == b"bad":
            raise ZeroDivisionError

    rig.mesh.receive = receive  # type: ignore[method-assign]
    rig.wires.arrive(b"bad", b"good")

    assert not rig.pump.look()
    assert rig.wires.rings == 1
    rig.pump.step(frozenset())
    assert received == [b"bad", b"good"]
    assert "bug" in caplog.text


# The end


def test_what_is_left_is_sent_before_the_end(rig: Rig) -> None:
    """Closing sends first."""
    rig.decide(b"a")

    rig.pump.close(0.0)

    assert (rig.wires.taken(), rig.wires.closes) == ([b"a"], 1)


def test_after_the_end_the_sockets_are_left_alone(rig: Rig) -> None:
    """Asking still works, for those who look for results; nothing is sent, taken in or rung for."""
    rig.pump.close(0.0)

    rig.send(b"a")
    rig.pump.ask(lambda mesh, now: mesh.outbox.call_by(now))
    rig.pump.wake()
    rig.pump.step(frozenset())

    assert (rig.wires.taken(), rig.wires.collected, rig.wires.rings) == ([], [], 0)
    assert not rig.pump.lend(Lent())


def test_the_end_comes_between_two_steps(rig: Rig, threads: Any) -> None:
    """Who is at the sockets finishes before they are closed."""
    rig.wires.hold()
    sender = threads(rig.send, b"a")
    assert rig.wires.is_held.wait(WITHIN_S)
    closer = threads(rig.pump.close, 0.0)
    closes = rig.wires.closes

    rig.wires.may_go_on.set()
    for thread in (sender, closer):
        thread.join(WITHIN_S)

    assert (closes, rig.wires.closes, rig.wires.taken()) == (0, 1, [b"a"])


# Drivers


def test_one_drives(rig: Rig) -> None:
    """Who comes second is refused, until the first is called back; it is told to stop, once."""
    first, second = Lent(), Lent()

    came = [rig.pump.lend(first), rig.pump.lend(second), rig.pump.is_driven]
    rig.pump.take_back()
    rig.pump.take_back()

    assert came == [True, False, True]
    assert (first.stops, second.stops, rig.pump.is_driven) == (1, 0, False)
    assert rig.pump.lend(second)


def test_lending_wakes_the_thread(rig: Rig) -> None:
    """It sleeps on what the driver is to watch."""
    rig.pump.lend(Lent())

    assert rig.wires.rings == 1


def test_what_is_found_after_an_absence_may_be_old(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mesh is told by how much, for as long as ZeroMQ may still bring in what the kernel kept."""
    ages: list[float] = []
    monkeypatch.setattr(Mesh, "receive", lambda mesh, wire, now, age_s: ages.append(age_s))

    for pause_s in (0.5, 15.0, 0.5, 1.0):
        rig.clock.now += pause_s
        rig.wires.arrive(b"")
        rig.pump.step(frozenset())

    assert ages == [0.0, 15.0, 15.5, 0.0]


@pytest.mark.usefixtures("_looks_often")
def test_the_thread_drives_unless_somebody_else_does(rig: Rig) -> None:
    """It goes on where the driver left off."""
    rig.run(2)
    alone = len(rig.wires.collected)
    rig.pump.lend(Lent())
    rig.run(2)
    lent = len(rig.wires.collected)
    rig.pump.take_back()
    rig.run(2)

    assert (alone, lent, len(rig.wires.collected)) == (2, 2, 4)


@pytest.mark.usefixtures("_looks_often")
def test_the_last_step_of_the_thread_leaves_nothing_behind(rig: Rig) -> None:
    """A driver that begins while the thread is at a step is woken after it: it does not know what is left to do."""
    driver = Lent()
    rings = []
    collect = rig.wires.collect

    def collect_meanwhile(ready: AbstractSet[int]) -> tuple[list[bytes], list[bytes]]:
        rig.pump.driver = driver
        rings.append(rig.wires.rings)
        return collect(ready)

    rig.wires.collect = collect_meanwhile  # type: ignore[method-assign]

    rig.run(1)

    assert [*rings, rig.wires.rings] == [0, 1]
    assert rig.pump.is_driven


@pytest.mark.usefixtures("_looks_often")
def test_an_idle_driver_is_left_alone(rig: Rig) -> None:
    """It makes no steps, and there is nothing to do."""
    driver = Lent()
    rig.pump.lend(driver)

    rig.run(20)

    assert (driver.stops, rig.pump.is_driven, rig.wires.collected) == (0, True, [])


@pytest.mark.usefixtures("_looks_often")
@pytest.mark.parametrize("work", ["input", "a deadline", "an earlier deadline"])
def test_a_driver_that_stands_still_is_replaced(rig: Rig, work: str) -> None:
    """There is something to do, and two looks later it is not done: the thread tells the driver, and does it."""
    driver = Lent()
    rig.pump.lend(driver)
    if work == "input":
        rig.wires.input = frozenset((7,))
    elif work == "a deadline":
        rig.clock.now = rig.mesh.next_deadline() + 1
    else:
        rig.pump.ask(lambda mesh, now: mesh.outbox.call_by(now))

    rig.run(2)

    assert (driver.stops, rig.pump.is_driven) == (1, False)
    assert rig.wires.collected == [rig.wires.input]


@pytest.mark.usefixtures("_looks_often")
@pytest.mark.parametrize("at_look", [1, 2])
def test_a_driver_that_is_slow_is_left_alone(rig: Rig, at_look: int) -> None:
    """There is always something to do; it does a step between any two looks, or between any three."""
    driver, looks = Lent(), 0
    rig.pump.lend(driver)
    rig.wires.input = frozenset((7,))

    class Watched(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal looks
            looks += 1
            if looks % at_look == 0:
                rig.pump.step(frozenset())
            return super().wait(timeout)

    rig.pump._called_back = Watched()

    rig.run(20)

    assert (driver.stops, rig.pump.is_driven) == (0, True)
    assert looks == 20 * at_look


def test_a_thread_that_stands_by_is_called(rig: Rig, monkeypatch: pytest.MonkeyPatch, threads: Any) -> None:
    """Who takes the pump back does not wait for the thread's next look."""
    monkeypatch.setattr(pump_module, "LOOK_EVERY_S", 10 * WITHIN_S)
    has_stepped = threading.Event()
    rig.pump.lend(Lent())
    thread = threads(rig.pump.run, lambda: not has_stepped.is_set())
    collect = rig.wires.collect

    def collect_and_tell(ready: AbstractSet[int]) -> tuple[list[bytes], list[bytes]]:
        has_stepped.set()
        return collect(ready)

    rig.wires.collect = collect_and_tell  # type: ignore[method-assign]

    rig.pump.take_back()

    assert has_stepped.wait(WITHIN_S)
    thread.join(WITHIN_S)


@pytest.mark.usefixtures("_looks_often")
def test_a_bug_of_ours_is_logged_and_the_thread_goes_on(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """The sockets and the mesh are free again, and the next step is made."""
    tick = rig.mesh.tick

    def fail_once(now: float) -> None:
        rig.mesh.tick = tick  # type: ignore[method-assign]
        raise ZeroDivisionError

    rig.mesh.tick = fail_once  # type: ignore[method-assign]

    with caplog.at_level(logging.ERROR, "zmqlayer"):
        rig.run(2)

    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]
    assert len(rig.wires.collected) == 2
    rig.send(b"a")
    assert rig.wires.taken() == [b"a"]


def test_a_child_has_nobody_to_stop(rig: Rig) -> None:
    """In a forked child the parent's driver is not there, and locks that were held hold nobody up."""
    driver = Lent()
    rig.pump.lend(driver)
    rig.pump._at_sockets.acquire()
    rig.pump._at_mesh.acquire()

    rig.pump.abandon()

    rig.pump.take_back()
    rig.send(b"a")
    assert (driver.stops, rig.pump.is_driven, rig.wires.taken()) == (0, False, [])


def test_a_refused_question_changes_nothing(rig: Rig) -> None:
    """What a question raises leaves nothing to send."""
    channel = f"x.{encode_node_id(rig.node_id)}!1"
    for _ in range(2):
        rig.pump.ask(lambda mesh, now: mesh.send(channel, BODY, now))

    with pytest.raises(ChannelFull):
        rig.pump.ask(lambda mesh, now: mesh.send(channel, BODY, now))

    assert not rig.mesh.outbox
