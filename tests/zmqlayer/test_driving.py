"""An event loop that drives a node: what arrives needs no other thread, unless the loop stands still or has ended."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final

import pytest

from support.doubles import FakeReactor
from zmqlayer import ChannelLayer, InMemoryChannelLayer, SyncChannelLayer
from zmqlayer import driving as driving_module
from zmqlayer import pump as pump_module
from zmqlayer.driving import SETTLED_AFTER_S, LoopDriver, LoopReactor, let_drive
from zmqlayer.pump import Driver
from zmqlayer.twisted import ReactorLayer

WITHIN_S: Final = 10.0
MOST_AWAKE: Final = 10
OPEN_DESCRIPTORS: Final = Path("/dev/fd")
FORKING: Final = "ignore:This process:DeprecationWarning"  # Python 3.12 warns of every fork of a program with threads


class ReadingReactor(FakeReactor):
    """
    A reactor whose readers read when they are told.

    Attributes:
        error: What adding a reader raises, if anything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.error: Exception | None = None

    def addReader(self, reader: Any) -> None:
        if self.error is not None:
            raise self.error
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.remove(reader)

    def read_until(self, is_enough: Callable[[], bool]) -> None:
        """Let readers read what arrives, and take turns."""
        deadline = time.monotonic() + WITHIN_S
        while not is_enough():
            assert time.monotonic() < deadline
            ready, _, _ = select.select(self.readers, [], [], 0.0 if self.getDelayedCalls() else WITHIN_S)
            for reader in ready:
                reader.doRead()
            self.turn()


class Pumped:
    """A pump that moves nothing, and lets its driver sleep for as long as told."""

    def __init__(self) -> None:
        self.driver: Driver | None = None
        self.sleep_s = 1.0
        self.is_closed = False
        self.steps = self.rings = 0
        self.error: Exception | None = None
        self._heard, self._said = os.pipe()

    def lend(self, driver: Driver) -> bool:
        if self.driver is None:
            self.driver = driver
            return True
        return False

    def take_back(self) -> None:
        driver, self.driver = self.driver, None
        if driver is not None:
            driver.stop()

    def fileno(self) -> int:
        return self._heard

    def wait(self, timeout_s: float) -> AbstractSet[int]:
        assert timeout_s == 0
        return frozenset()

    def step(self, ready: AbstractSet[int]) -> float:
        self.steps += 1
        if self.error is not None:
            raise self.error
        return self.sleep_s

    def wake(self) -> None:
        self.rings += 1

    def close(self) -> None:
        os.close(self._heard)
        os.close(self._said)


@pytest.fixture
def pumped() -> Iterator[Any]:
    """A pump double, whose descriptor is closed in the end."""
    pumped = Pumped()
    yield pumped
    pumped.close()


@pytest.fixture
def reactor() -> ReadingReactor:
    return ReadingReactor()


@pytest.fixture
def layer() -> Iterator[InMemoryChannelLayer]:
    """A layer without sockets; closed in the end."""
    layer = InMemoryChannelLayer()
    layer.start()
    yield layer
    layer.sync.close()


@pytest.fixture
def mesh() -> Iterator[tuple[ChannelLayer, SyncChannelLayer]]:
    """Two nodes over ZeroMQ that are linked: one for coroutines, and one that sends to it."""
    layer = ChannelLayer(discovery="off", bind="127.0.0.1")
    layer.start()
    sender = SyncChannelLayer(discovery="off", bind="127.0.0.1", seeds=[layer.address])
    sender.ready()
    layer.sync.ready()
    yield layer, sender
    sender.close()
    layer.sync.close()


@pytest.fixture
def _settles_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop is asked to drive when it waits for the first time."""
    monkeypatch.setattr(driving_module, "SETTLED_AFTER_S", 0.0)


@pytest.fixture
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The node's thread takes over soon."""
    monkeypatch.setattr(pump_module, "LOOK_EVERY_S", 0.01)


@pytest.fixture
def _never_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The node's thread leaves the driver alone, however long a test takes."""
    monkeypatch.setattr(pump_module, "LOOK_EVERY_S", 10 * WITHIN_S)


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, WITHIN_S))


def open_descriptors() -> int:
    gc.collect()  # what earlier tests left may end at any moment
    return len(list(OPEN_DESCRIPTORS.iterdir()))


async def begin_to_wait(layer: Any, channel: str) -> asyncio.Task[Any]:
    """Return a task that waits for a message already."""
    task = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0)
    return task


async def stop(task: asyncio.Task[Any]) -> None:
    """Cancel a task, and wait until it has noticed."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def driven_until_its_end(layer: Any) -> None:
    """Let a loop drive, and end without a word."""

    async def main() -> None:
        task = await begin_to_wait(layer, await layer.new_channel())
        assert layer.node.pump.is_driven
        await stop(task)

    run(main())


def talk_until_the_thread_drives(layer: Any, sender: Any) -> list[Any]:
    """Send to a thread that receives until the node's thread has taken over, and return what was received."""
    channel, taken = layer.sync.new_channel("x!"), list[Any]()
    deadline = time.monotonic() + WITHIN_S
    while not taken or layer.node.pump.is_driven:  # the thread may have been awake for the first of them
        assert time.monotonic() < deadline
        sender.send(channel, {"n": len(taken)})
        taken.append(layer.sync.receive([channel], block=True, timeout=WITHIN_S)[1])
    return taken


# A loop of asyncio


@pytest.mark.usefixtures("_settles_at_once", "_never_looks")
def test_messages_arrive_while_the_loop_drives(mesh: Any) -> None:
    """Other nodes, other threads and coroutines of the loop itself reach who waits on it."""
    layer, sender = mesh
    stepped_on: set[int] = set()
    step = layer.node.pump.step

    def note(ready: AbstractSet[int]) -> float:
        stepped_on.add(threading.get_ident())
        return float(step(ready))

    async def main() -> list[Any]:
        channel = await layer.new_channel()
        taken = []
        for send in (sender.send, layer.sync.send):
            task = await begin_to_wait(layer, channel)
            layer.node.pump.step = note
            thread = threading.Thread(target=send, args=(channel, {"n": len(taken)}))
            thread.start()
            taken.append(await task)
            thread.join(WITHIN_S)
        task = await begin_to_wait(layer, channel)
        await layer.send(channel, {"n": len(taken)})
        return [*taken, await task, layer.node.pump.is_driven]

    assert run(main()) == [{"n": 0}, {"n": 1}, {"n": 2}, True]
    assert threading.get_ident() in stepped_on


@pytest.mark.usefixtures("_settles_at_once", "_looks_often")
def test_a_loop_that_stands_still_is_replaced(mesh: Any) -> None:
    """A coroutine blocks its loop: a thread that receives gets its messages, and the loop may drive again later."""
    layer, sender = mesh
    is_blocked, may_go_on = threading.Event(), threading.Event()
    channel = layer.sync.new_channel("x!")
    afterwards: list[Any] = []

    async def main() -> None:
        assert not layer.node.pump.is_driven
        await stop(await begin_to_wait(layer, await layer.new_channel()))
        assert layer.node.pump.is_driven
        is_blocked.set()
        assert may_go_on.wait(WITHIN_S)
        task = await begin_to_wait(layer, channel)
        sender.send(channel, {"n": "last"})
        afterwards.append(await task)

    loop = threading.Thread(target=run, args=(main(),))
    loop.start()
    assert is_blocked.wait(WITHIN_S)

    taken = talk_until_the_thread_drives(layer, sender)

    may_go_on.set()
    loop.join(WITHIN_S)
    assert taken == [{"n": n} for n in range(len(taken))]
    assert afterwards == [{"n": "last"}]


@pytest.mark.usefixtures("_settles_at_once", "_looks_often")
def test_a_loop_that_ended_is_replaced(mesh: Any) -> None:
    """It need not say a word: ``asyncio.run`` ends, and threads go on as before."""
    layer, sender = mesh
    driven_until_its_end(layer)

    taken = talk_until_the_thread_drives(layer, sender)

    assert taken == [{"n": n} for n in range(len(taken))]


@pytest.mark.usefixtures("_settles_at_once", "_looks_often")
def test_one_loop_follows_another(mesh: Any) -> None:
    """The next loop of the process drives when the thread has taken over from the last one."""
    layer, sender = mesh

    async def receive() -> Any:
        channel = await layer.new_channel()
        task = await begin_to_wait(layer, channel)
        sender.send(channel, {"n": 1})
        return await task

    assert [run(receive()) for _ in range(3)] == [{"n": 1}] * 3


@pytest.mark.usefixtures("_settles_at_once")
def test_one_loop_drives(layer: InMemoryChannelLayer) -> None:
    """Another that waits meanwhile is woken by it."""
    is_waiting = threading.Event()
    taken: list[Any] = []
    channel = layer.sync.new_channel("x!")

    async def wait() -> None:
        task = await begin_to_wait(layer, channel)
        is_waiting.set()
        taken.append(await task)

    async def main() -> bool:
        task = await begin_to_wait(layer, await layer.new_channel())
        driver = layer.node.pump.driver
        other = threading.Thread(target=run, args=(wait(),))
        other.start()
        await asyncio.to_thread(is_waiting.wait, WITHIN_S)
        await layer.send(channel, {"n": 1})
        await asyncio.to_thread(other.join, WITHIN_S)
        await stop(task)
        return layer.node.pump.driver is driver is not None

    assert run(main())
    assert taken == [{"n": 1}]


def test_a_young_loop_is_not_asked(layer: InMemoryChannelLayer) -> None:
    """A loop that ends with the call that it was made for is none to rely on; one that lives on is."""

    async def main() -> list[bool]:
        loop = asyncio.get_running_loop()
        seen = []
        for _ in range(2):
            await stop(await begin_to_wait(layer, await layer.new_channel()))
            seen.append(layer.node.pump.is_driven)
        driving_module._first_waits[loop] -= SETTLED_AFTER_S
        let_drive(layer.node, loop)
        return [*seen, layer.node.pump.is_driven]

    assert run(main()) == [False, False, True]


@pytest.mark.usefixtures("_never_looks")
@pytest.mark.parametrize("is_group", [False, True], ids=["send", "group_send"])
def test_a_loop_that_sends_drives_too(layer: InMemoryChannelLayer, is_group: bool) -> None:
    """Credit and reports come back to it without another thread, which would wait for the interpreter: in time."""

    async def send() -> bool:
        await (layer.group_send("g", {}) if is_group else layer.send("jobs", {}))
        return layer.node.pump.is_driven

    async def main() -> list[bool]:
        seen = [await send(), await send()]
        driving_module._first_waits[asyncio.get_running_loop()] -= SETTLED_AFTER_S
        return [*seen, await send()]

    assert run(main()) == [False, False, True]


@pytest.mark.usefixtures("_settles_at_once")
def test_a_loop_that_cannot_watch_is_not_asked_to(layer: InMemoryChannelLayer) -> None:
    """Some loops watch no descriptors: the thread goes on, and nothing is left open."""

    class Watchless(asyncio.SelectorEventLoop):
        def add_reader(self, *args: Any) -> None:
            raise NotImplementedError

    async def main() -> tuple[Any, bool, int]:
        channel = await layer.new_channel()
        before = open_descriptors()
        task = await begin_to_wait(layer, channel)
        is_driven, more = layer.node.pump.is_driven, open_descriptors() - before
        await layer.send(channel, {"n": 1})
        return await asyncio.wait_for(task, WITHIN_S), is_driven, more

    with asyncio.Runner(loop_factory=Watchless) as runner:
        assert runner.run(main()) == ({"n": 1}, False, 0)


@pytest.mark.usefixtures("_settles_at_once")
def test_closing_the_node_leaves_the_loop_as_it_was() -> None:
    """No reader, no timer and no descriptor is left of a node that was closed, from whichever thread."""

    async def main() -> list[tuple[int, int]]:
        loop: Any = asyncio.get_running_loop()
        await asyncio.to_thread(lambda: None)  # or the thread of it would be new
        seen = [(len(loop._selector.get_map()), open_descriptors())]
        timers = set(loop._scheduled)
        for close in (lambda layer: layer.close(), lambda layer: close_here(layer)):
            layer = InMemoryChannelLayer()
            await stop(await begin_to_wait(layer, await layer.new_channel()))
            assert layer.node.pump.is_driven
            await close(layer)
            await asyncio.sleep(0)
            seen.append((len(loop._selector.get_map()), open_descriptors()))
        assert all(timer.cancelled() for timer in set(loop._scheduled) - timers)
        return seen

    async def close_here(layer: Any) -> None:
        layer.sync.close()

    before, *after = run(main())

    assert after == [before, before]


@pytest.mark.usefixtures("_settles_at_once", "_looks_often")
def test_a_loop_that_ended_leaves_no_descriptor() -> None:
    """It was never told to stop; what it had of the node's is closed all the same."""
    before = open_descriptors()
    for _ in range(3):
        layer = InMemoryChannelLayer()
        driven_until_its_end(layer)
        layer.sync.close()
        del layer
    gc.collect()

    assert open_descriptors() == before


@pytest.mark.usefixtures("_settles_at_once")
def test_a_loop_that_was_stopped_hears_of_the_end_later(layer: InMemoryChannelLayer) -> None:
    """A loop may stand still and run again after the node was closed: that is no error, and it reads no more."""
    loop: Any = asyncio.new_event_loop()
    unhandled: list[Any] = []
    loop.set_exception_handler(lambda _loop, context: unhandled.append(context))
    readers = []

    async def wait() -> None:
        await stop(await begin_to_wait(layer, await layer.new_channel()))

    readers.append(len(loop._selector.get_map()))
    loop.run_until_complete(wait())
    readers.append(len(loop._selector.get_map()))
    layer.sync.close()

    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(asyncio.sleep(0))

    readers.append(len(loop._selector.get_map()))
    loop.close()
    assert readers == [readers[0], readers[0] + 1, readers[0]]
    assert unhandled == []


@pytest.mark.filterwarnings(FORKING)
@pytest.mark.usefixtures("_settles_at_once")
def test_a_childs_node_is_its_own(layer: InMemoryChannelLayer) -> None:
    """A process forks while its loop drives: the child's loop drives the child's node, and the parent's goes on."""
    parent = layer.node_id

    async def talk() -> bool:
        channel = await layer.new_channel()
        task = await begin_to_wait(layer, channel)
        is_driven = layer.node.pump.is_driven
        await layer.send(channel, {"n": 1})
        return await task == {"n": 1} and is_driven

    def fork() -> int:
        pid = os.fork()
        if pid == 0:
            signal.alarm(int(WITHIN_S))
            is_well = False
            try:
                is_well = layer.node_id != parent and not layer.node.pump.is_driven and run(talk())
            finally:
                os._exit(0 if is_well else 1)
        return os.waitpid(pid, 0)[1]

    async def main() -> list[Any]:
        assert await talk()
        driver = layer.node.pump.driver
        status = await asyncio.to_thread(fork)
        return [status, await talk(), layer.node.pump.driver is driver]

    assert run(main()) == [0, True, True]
    assert layer.node_id == parent


# A reactor


def test_a_driver_begins_with_a_step(pumped: Any, reactor: ReadingReactor) -> None:
    """What arrived before it began is taken in; from then on it reads, under a descriptor of its own."""
    driver = LoopDriver(pumped, reactor)

    assert driver.start()

    assert (pumped.steps, reactor.readers, driver.is_driving, driver.is_here) == (1, [driver], True, True)
    assert driver.fileno() != pumped.fileno()
    assert driver.logPrefix() == "zmqlayer"
    driver.doRead()
    assert pumped.steps == 2


def test_a_driver_that_comes_second_does_nothing(pumped: Any, reactor: ReadingReactor) -> None:
    """Somebody else drives already."""
    LoopDriver(pumped, reactor).start()
    second = LoopDriver(pumped, reactor)

    assert not second.start()

    second.doRead()
    second.stop()
    assert (second.is_driving, second in reactor.readers, pumped.steps) == (False, False, 1)


def test_a_driver_that_cannot_begin_gives_back(pumped: Any, reactor: ReadingReactor) -> None:
    """The reactor takes no readers: the error is the caller's, the pump is free and nothing is left open."""
    reactor.error = ValueError("no")
    before = open_descriptors()

    with pytest.raises(ValueError, match="no"):
        LoopDriver(pumped, reactor).start()

    assert (pumped.driver, pumped.steps, open_descriptors()) == (None, 0, before)


def test_a_driver_steps_when_something_is_due(pumped: Any, reactor: ReadingReactor) -> None:
    """Without input it steps after as long as it may sleep; a timer that comes earlier than it need is left."""
    pumped.sleep_s = 5.0
    driver = LoopDriver(pumped, reactor)
    driver.start()
    pumped.sleep_s = 60.0
    driver.doRead()

    reactor.advance(4.9)
    before = pumped.steps
    reactor.advance(0.2)

    assert (before, pumped.steps) == (2, 3)
    assert [call.getTime() for call in reactor.getDelayedCalls()] == [pytest.approx(65.1)]


def test_a_deadline_that_comes_nearer_moves_the_timer(
    pumped: Any, reactor: ReadingReactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one timer at a time."""
    monkeypatch.setattr(driving_module.time, "monotonic", reactor.seconds)
    pumped.sleep_s = 5.0
    driver = LoopDriver(pumped, reactor)
    driver.start()
    pumped.sleep_s = 1.0
    driver.doRead()

    assert [call.getTime() for call in reactor.getDelayedCalls()] == [1.0]
    reactor.advance(1.0)
    assert pumped.steps == 3


def test_others_have_a_turn_while_there_is_more(pumped: Any, reactor: ReadingReactor) -> None:
    """A step that left something is followed by another in the next turn; one is enough, however often it is read."""
    pumped.sleep_s = 0.0
    driver = LoopDriver(pumped, reactor)
    driver.start()
    for _ in range(10):
        driver.doRead()
    planned = len(reactor.getDelayedCalls())

    pumped.sleep_s = 1.0
    reactor.turn()

    assert (planned, pumped.steps) == (1, 12)


def test_a_driver_ends_when_it_is_told(pumped: Any, reactor: ReadingReactor) -> None:
    """On its own thread at once, with its timer and its descriptor, and wakes who is next; it can be told twice."""
    before = open_descriptors()
    driver = LoopDriver(pumped, reactor)
    driver.start()

    pumped.take_back()
    driver.stop()

    assert (driver.is_driving, reactor.readers, reactor.getDelayedCalls()) == (False, [], [])
    assert (open_descriptors(), pumped.rings) == (before, 1)
    driver.doRead()
    assert pumped.steps == 1


def test_a_driver_ends_on_its_own_thread(pumped: Any, reactor: ReadingReactor) -> None:
    """Whoever takes the pump back: the reactor is not to be touched from elsewhere."""
    driver = LoopDriver(pumped, reactor)
    driver.start()
    other = threading.Thread(target=pumped.take_back)
    other.start()
    other.join(WITHIN_S)
    before = driver.is_driving, list(reactor.readers)

    reactor.turn()

    assert before == (True, [driver])
    assert (driver.is_driving, reactor.readers) == (False, [])


def test_a_reactor_that_stops_gives_back(pumped: Any, reactor: ReadingReactor) -> None:
    """It tells its readers that their connections are lost: the node's thread goes on."""
    driver = LoopDriver(pumped, reactor)
    driver.start()

    driver.connectionLost(None)

    assert (pumped.driver, driver.is_driving, reactor.readers) == (None, False, [])


def test_a_step_that_fails_is_over(pumped: Any, reactor: ReadingReactor) -> None:
    """The error is the reactor's to log; the next step is made as usual."""
    driver = LoopDriver(pumped, reactor)
    driver.start()
    pumped.error = ZeroDivisionError()

    with pytest.raises(ZeroDivisionError):
        driver.doRead()

    pumped.error = None
    assert not driver.is_stepping
    driver.doRead()
    assert pumped.steps == 3


def test_a_loop_that_is_closed_is_told_nothing() -> None:
    """Its readers went with it."""
    loop = asyncio.new_event_loop()
    loop.close()

    LoopReactor(loop).removeReader(None)


# Deliveries in a step


@pytest.fixture
def face(mesh: Any, reactor: ReadingReactor, _never_looks: None) -> Iterator[ReactorLayer]:
    """A layer for a reactor that drives the node."""
    face = ReactorLayer(mesh[0].sync, reactor)
    face.drive()
    assert mesh[0].node.pump.is_driven
    yield face
    face.stop()


def is_stepping(face: ReactorLayer) -> bool:
    """Whether this is called in a step of the driver."""
    return face._driver is not None and face._driver.is_stepping


def test_what_a_step_brings_is_delivered_in_it(mesh: Any, face: ReactorLayer, reactor: ReadingReactor) -> None:
    """The reactor need not turn once more for what comes from other nodes."""
    got: list[int] = []
    in_steps: list[bool] = []
    sent = 0

    def deliver(message: Any) -> None:
        got.append(message["n"])
        in_steps.append(is_stepping(face))

    def has_come() -> bool:
        return len(got) == sent

    channel = face.open_channel("x!", deliver)
    while True not in in_steps:  # the node's thread may have been awake for the first of them
        assert sent < MOST_AWAKE
        mesh[1].send(channel.name, {"n": len(got)})
        sent += 1
        reactor.read_until(has_come)

    assert got == list(range(len(got)))


@pytest.mark.parametrize("is_here", [True, False], ids=["this thread", "another thread"])
def test_what_comes_in_between_is_delivered_in_a_turn(
    mesh: Any, face: ReactorLayer, reactor: ReadingReactor, is_here: bool
) -> None:
    """What this process sends to itself is never delivered inside the call that sends it."""
    got: list[Any] = []
    channel = face.open_channel("x!", got.append)
    if is_here:
        face.send(channel.name, {"n": 1})
    else:
        sender = threading.Thread(target=mesh[0].sync.send, args=(channel.name, {"n": 1}))
        sender.start()
        sender.join(WITHIN_S)
    before = list(got)

    reactor.turn()

    assert (before, got) == ([], [{"n": 1}])


def test_nothing_is_delivered_inside_a_delivery(mesh: Any, face: ReactorLayer, reactor: ReadingReactor) -> None:
    """A connection that sends, and asks to hear, while a message is brought to it hears of that afterwards."""
    events: list[str] = []
    was_in_a_step = False
    other = face.open_channel("x!", lambda _message: events.append("the other's message"))
    ended = face.layer.new_channel("x!")
    face.drop(ended)

    def deliver(_message: Any) -> None:
        nonlocal was_in_a_step
        was_in_a_step = is_stepping(face)
        events.append("begins")
        face.send(other.name, {})
        face.follow(ended, lambda: events.append("it has ended"))
        face.when_room(other.name, lambda: events.append("there is room"))
        events.append("ends")

    channel = face.open_channel("x!", deliver)
    for _ in range(MOST_AWAKE):
        events.clear()
        mesh[1].send(channel.name, {})
        reactor.read_until(lambda: len(events) == 5)
        if was_in_a_step:
            break

    assert was_in_a_step
    assert events[:2] == ["begins", "ends"]
    assert sorted(events[2:]) == ["it has ended", "the other's message", "there is room"]


def bring(mesh: Any, reactor: ReadingReactor, name: str, *messages: Any, until: Callable[[], bool]) -> None:
    """Have the other node send to one process channel, in one go, and the reactor read."""
    for message in messages:
        mesh[1].send(name, message)
    reactor.read_until(until)


def stands(mesh: Any, channel: Any) -> bool:
    """Whether a connection is given the next message for its channel by hand."""
    return bool(mesh[0].node.ask(lambda mesh, now: mesh.takers.get(channel.name) is channel))


def test_a_connection_is_given_its_messages_by_hand(mesh: Any, face: ReactorLayer, reactor: ReadingReactor) -> None:
    """It stands at its channel whenever it wants some and there is none; nothing is left behind."""
    got: list[int] = []
    channel = face.open_channel("x!", lambda message: got.append(message["n"]))
    begins = stands(mesh, channel)

    for n in range(0, 30, 3):
        bring(mesh, reactor, channel.name, *({"n": n + more} for more in range(3)), until=lambda n=n: len(got) == n + 3)
    goes_on = stands(mesh, channel)
    channel.pause()
    is_paused = not stands(mesh, channel)
    channel.resume()
    reactor.turn()
    is_resumed = stands(mesh, channel)
    channel.close()

    assert got == list(range(30))
    assert (begins, goes_on, is_paused, is_resumed) == (True, True, True, True)
    assert mesh[0].node.ask(lambda mesh, now: dict(mesh.takers)) == {}
    assert mesh[0].statistics()["delivered"] == 30


def test_a_connection_may_pause_or_close_within_a_message(
    mesh: Any, face: ReactorLayer, reactor: ReadingReactor
) -> None:
    """What came with it stays for later, or is dropped."""
    got: list[int] = []

    def deliver(message: Any) -> None:
        got.append(message["n"])
        channel.close() if message["n"] else channel.pause()

    channel = face.open_channel("x!", deliver)
    bring(mesh, reactor, channel.name, *({"n": n} for n in range(3)), until=lambda: len(got) == 1)
    was_paused = not stands(mesh, channel)
    channel.resume()
    reactor.read_until(lambda: len(got) == 2)
    reactor.turn()

    assert (got, was_paused, stands(mesh, channel)) == ([0, 1], True, False)


def test_a_connection_that_fails_goes_on(
    mesh: Any, face: ReactorLayer, reactor: ReadingReactor, caplog: pytest.LogCaptureFixture
) -> None:
    """An error in a delivery is logged, and takes nothing of others along."""
    got: list[str] = []

    def fail(_message: Any) -> None:
        got.append("failing")
        raise ZeroDivisionError

    failing, sound = face.open_channel("x!", fail), face.open_channel("x!", lambda _message: got.append("sound"))
    mesh[1].send(failing.name, {})
    bring(mesh, reactor, sound.name, {}, until=lambda: len(got) == 2)

    assert got == ["failing", "sound"]
    (logged,) = [record for record in caplog.records if failing.name in record.getMessage()]
    assert logged.exc_info is not None
    assert stands(mesh, failing)


def test_connections_outlive_the_reactor(mesh: Any, face: ReactorLayer, reactor: ReadingReactor) -> None:
    """Once the reactor drives no more, what comes is not given away: it lies in the channel."""
    got: list[Any] = []
    channel = face.open_channel("x!", got.append)
    face.stop()

    mesh[1].send(channel.name, {"n": 1})
    message = mesh[0].sync.receive([channel.name], block=True, timeout=WITHIN_S)

    assert (message, got) == ((channel.name, {"n": 1}), [])


def test_a_face_that_stops_gives_back(mesh: Any, face: ReactorLayer, reactor: ReadingReactor) -> None:
    """The reactor stops, and the node's own thread goes on."""
    face.stop()

    channel = mesh[0].sync.new_channel("x!")
    mesh[1].send(channel, {"n": 1})
    assert mesh[0].sync.receive([channel], block=True, timeout=WITHIN_S) == (channel, {"n": 1})
    assert (mesh[0].node.pump.is_driven, reactor.readers) == (False, [])
