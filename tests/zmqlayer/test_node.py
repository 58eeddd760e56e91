"""The node: its life, its thread, its lock, and who is woken when."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.doubles import FakeDiscovery, fake_node
from support.network import STRANGER, control, frame, greeting
from zmqlayer.actions import Publish, Push, Subscribe
from zmqlayer.codec import unpack_control
from zmqlayer.events import Interest
from zmqlayer.exceptions import ChannelFull, LayerClosed, TransportError
from zmqlayer.frames import BROADCAST, Kind, is_barrier, node_topic, pack, pack_batch, parse
from zmqlayer.mesh import Mesh
from zmqlayer.names import encode_node_id
from zmqlayer.node import LOOK_AGAIN_S, Node
from zmqlayer.ports import Announcement, Candidate, DiscoveryListener, Door
from zmqlayer.switchboard import Receiver
from zmqlayer.waiters import ThreadWaiter

WITHIN_S = 5.0
BODY = b"\x81\xa1n\x01"


@pytest.fixture
def open_node() -> Iterator[Callable[..., Any]]:
    """Return a function that makes a node on doubles; all are closed in the end."""
    nodes: list[Node] = []

    def open_node(*args: Any, **kwargs: Any) -> Any:
        nodes.append(node := fake_node(*args, **kwargs))
        return node

    yield open_node
    for node in nodes:
        if not node.is_closed:
            node.ask(lambda mesh, now: mesh.flush(now))  # or closing would wait for readers of what is left
            node.close()


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("zmqlayer")}


def await_published(node: Any, kind: Kind) -> bytes:
    """Return the next frame of *kind* that the node publishes or pushes."""
    while True:
        action = node.transport.carried.get(timeout=WITHIN_S)
        if isinstance(action, Publish | Push) and parse(action.wire).kind == kind:
            return action.wire


def hello(node: Any) -> bytes:
    """Return a stranger's HELLO."""
    return control(STRANGER, Kind.HELLO, node, greeting(node.config.cluster_tag))


def link_with_stranger(node: Any) -> None:
    """Let a stranger do all that makes a link READY."""
    node.transport.arrive(hello(node))
    barrier, link = b"", 0
    while not (barrier and link):
        action = node.transport.carried.get(timeout=WITHIN_S)
        if isinstance(action, Subscribe) and is_barrier(action.topic):
            barrier = action.topic
        elif isinstance(action, Push):
            link = unpack_control(parse(action.wire).body)["link"]
    echo = pack(barrier, Kind.ECHO, STRANGER, 0, "", b"")
    synced = control(STRANGER, Kind.SYNCED, node, {"mine": 7, "yours": link})
    node.transport.arrive(echo, synced, changes=[b"\x01" + node_topic(STRANGER)])


# Life


def test_a_node_starts_when_it_is_first_used(open_node: Any) -> None:
    """Making a node opens nothing; asking it anything does, once."""
    node = open_node()
    before = node.transport.opens, threads()

    node.ask(lambda mesh, now: None)
    node.start()

    assert before == (0, set())
    assert (node.transport.opens, len(node.discovery.announced), len(threads())) == (1, 1, 1)


def test_a_node_announces_where_it_listens(open_node: Any) -> None:
    """Discovery is told the id, the cluster and the port to dial."""
    node = open_node(cluster="red")

    (announcement,) = [node.start(), node.discovery.announced][1]

    assert announcement.node_id == node.node_id
    assert announcement.doors == (Door(node.config.cluster_tag, 1, 2),)
    assert node.address == "tcp://127.0.0.1:1"


def test_many_threads_start_a_node_once(open_node: Any) -> None:
    """The first use may come from several threads at the same time."""
    node = open_node()
    gate = threading.Barrier(8)

    def use() -> None:
        gate.wait(WITHIN_S)
        node.ask(lambda mesh, now: None)

    users = [threading.Thread(target=use) for _ in range(8)]
    for user in users:
        user.start()
    for user in users:
        user.join(WITHIN_S)

    assert node.transport.opens == 1


def test_a_node_that_cannot_listen_can_be_tried_again(open_node: Any) -> None:
    """A refused port is the caller's to know; nothing is left running, and a later start may succeed."""
    node = open_node()
    node.transport.error = TransportError("no")
    with pytest.raises(TransportError):
        node.start()
    left = threads()
    node.transport.error = None

    node.start()

    assert left == set()
    assert node.transport.opens == 1


@pytest.mark.parametrize("reason", ["can't start new thread", "can't create new thread at interpreter shutdown"])
def test_a_node_without_a_thread_can_be_tried_again(
    open_node: Any, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """As in a container with too many processes: each use says so and leaves nothing open, until one succeeds."""
    node, states = open_node(), []

    def refuse(thread: threading.Thread) -> None:
        states.append(node._state.value)  # who is faster than the lock has to wait for it
        raise RuntimeError(reason)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for use in (node.start, lambda: node.send("jobs", BODY), lambda: node.node_id):
            with pytest.raises(RuntimeError, match=reason):
                use()
    left = node.transport.opens, node.transport.closes, len(node.discovery.announced), threads()

    node.send("jobs", BODY)

    assert left == (3, 3, 0, set())
    assert states == ["new"] * 3
    assert node.take(Interest((), ("jobs",))).body == BODY


def test_a_node_without_a_thread_closes_quietly(open_node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What never ran has nobody to say goodbye to."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    node = open_node()
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(threading.Thread, "start", refuse)
        node.start()

    node.close()

    assert (node.transport.closes, node.discovery.stops, node.is_closed) == (1, 0, True)


class Hesitant(FakeDiscovery):
    """Finds no thread for its first start, and says when it has one."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = threading.Event()
        self.attempts = 0

    def start(self, announcement: Announcement, listener: DiscoveryListener) -> None:
        self.attempts += 1
        if self.attempts < 3:
            raise RuntimeError("can't start new thread")
        super().start(announcement, listener)
        self.has_begun.set()


def test_discovery_without_a_thread_is_tried_again(open_node: Any) -> None:
    """The first use says so; the node would be alone for ever, so it goes on until there is one."""
    node = open_node(discovery=Hesitant())
    with pytest.raises(RuntimeError, match="new thread"):
        node.start()

    while not node.discovery.has_begun.wait(0.001):
        node.clock.now += LOOK_AGAIN_S
        node.pump.wake()

    assert (node.transport.opens, len(node.discovery.announced), node.discovery.attempts) == (1, 1, 3)


def test_a_signal_while_the_thread_starts_leaves_it_running(open_node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C may come while its start is waited for: the thread is there, and is not started again."""
    starts = threading.Thread.start

    def interrupt(thread: threading.Thread) -> None:
        starts(thread)
        raise KeyboardInterrupt

    node = open_node()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(threading.Thread, "start", interrupt)
        node.start()

    node.ask(lambda mesh, now: None)

    assert (node.transport.opens, node.transport.closes, len(threads())) == (1, 0, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows threads that work in batches")
@pytest.mark.parametrize("in_batches", [True, False])
def test_a_node_in_batches_interrupts_nobody(open_node: Any, in_batches: bool) -> None:
    """Its own thread waits its turn where processors are busy, if it is to, and nobody else's does."""
    node, scheduled = open_node(), queue.SimpleQueue[int]()
    node.works_in_batches = in_batches

    def collect(ready: Any) -> tuple[list[bytes], list[bytes]]:
        scheduled.put(os.sched_getscheduler(0))
        return [], []

    node.transport.collect = collect
    node.start()

    assert scheduled.get(timeout=WITHIN_S) == (os.SCHED_BATCH if in_batches else os.SCHED_OTHER)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_closing_ends_everything_once(open_node: Any) -> None:
    """Goodbye is said, discovery is withdrawn, the sockets are closed and the thread is gone."""
    node = open_node()
    node.start()

    for _ in range(2):
        node.close()

    assert parse(await_published(node, Kind.GOODBYE)).topic == BROADCAST
    assert (node.transport.closes, node.discovery.stops, threads()) == (1, 1, set())
    assert node.is_closed


@pytest.mark.parametrize("is_wanted", [True, False])
def test_a_node_closes_where_no_thread_starts_any_more(
    open_node: Any, monkeypatch: pytest.MonkeyPatch, is_wanted: bool
) -> None:
    """As at the end of a process on Python 3.12, where nobody may hold a layer on it by then."""
    has_refused = threading.Event()

    def refuse(thread: threading.Thread) -> None:
        has_refused.set()
        raise RuntimeError("can't create new thread at interpreter shutdown")

    node = open_node()
    node.start()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    if not is_wanted:
        node.retire()
        node.pump.wake()
        assert has_refused.wait(WITHIN_S)

    node.close()

    assert (node.transport.closes, node.discovery.stops, threads()) == (1, 1, set())


def test_a_node_that_nobody_wants_closes_once_a_thread_can_start(
    open_node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that has too many threads may have fewer later."""
    has_refused, starts = threading.Event(), threading.Thread.start

    def refuse_once(thread: threading.Thread) -> None:
        monkeypatch.setattr(threading.Thread, "start", starts)
        has_refused.set()
        raise RuntimeError("can't start new thread")

    node = open_node()
    node.start()
    monkeypatch.setattr(threading.Thread, "start", refuse_once)
    node.retire()
    node.pump.wake()
    assert has_refused.wait(WITHIN_S)

    node.pump.wake()

    assert parse(await_published(node, Kind.GOODBYE)).topic == BROADCAST
    for thread in threading.enumerate():
        if thread.name.startswith("zmqlayer"):
            thread.join(WITHIN_S)
    assert threads() == set()


def test_a_node_that_has_not_started_has_nobody_to_wake(open_node: Any) -> None:
    """A worker may be told to stop before its threads have come as far as receiving; that starts nothing."""
    node = open_node()

    node.wake_receivers()

    assert (node.transport.opens, threads()) == (0, set())


def test_a_closed_node_refuses(open_node: Any) -> None:
    """Asking and starting are errors; giving up and looking for results are not."""
    node = open_node()
    node.start()
    node.close()

    with pytest.raises(LayerClosed):
        node.ask(lambda mesh, now: None)
    with pytest.raises(LayerClosed):
        node.start()
    node.give_up(Receiver(Interest((), ("jobs",)), ThreadWaiter()))
    node.stop_waiting(ThreadWaiter())
    assert node.result(5) is None


class ClosesMeanwhile(Node):
    """Closes in the moment between a caller's look at its state and the lock."""

    is_armed = False

    def ask(self, question: Any) -> Any:
        def meanwhile(mesh: Any, now: float) -> Any:
            if self.is_armed:
                self.is_armed = False
                self.pump._at_mesh.release()
                self.close()
                self.pump._at_mesh.acquire()
            return question(mesh, now)

        return super().ask(meanwhile)


WAITS: list[tuple[str, Callable[[Node, ThreadWaiter], object]]] = [
    ("receive", lambda node, waiter: node.take_or_wait(Receiver(Interest((), ("jobs",)), waiter))),
    ("condition", lambda node, waiter: node.when(lambda mesh: False, waiter)),
    ("request", lambda node, waiter: node.request(lambda mesh, now: 1, waiter)),
]


@pytest.mark.parametrize("wait", [wait for _, wait in WAITS], ids=[name for name, _ in WAITS])
def test_nobody_begins_to_wait_in_a_node_that_closes(
    open_node: Any, wait: Callable[[Node, ThreadWaiter], object]
) -> None:
    """Who comes after the last wake is refused, or would sleep for ever."""
    node = open_node(ClosesMeanwhile)
    node.start()
    node.is_armed = True

    with pytest.raises(LayerClosed):
        wait(node, ThreadWaiter())


@pytest.mark.parametrize("wait", [wait for _, wait in WAITS], ids=[name for name, _ in WAITS])
def test_closing_wakes_who_waits(open_node: Any, wait: Callable[[Node, ThreadWaiter], object]) -> None:
    """Whatever it waits for: nothing of it comes any more."""
    node = open_node()
    waiter = ThreadWaiter()
    wait(node, waiter)

    node.close()

    assert waiter.wait(0)


def test_closing_says_what_is_lost(open_node: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Messages that nobody took are counted in one warning."""
    node = open_node()
    node.ask(lambda mesh, now: mesh.send(f"x.{encode_node_id(node.node_id)}!1", BODY, now))

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        node.close()

    assert [record.getMessage()[:10] for record in caplog.records] == ["1 messages"]


# The thread


def test_what_arrives_is_worked_on_and_answered(open_node: Any) -> None:
    """Frames go into the mesh, and what it wants done goes out, on the node's own thread."""
    node = open_node()
    node.start()

    node.transport.arrive(hello(node))

    answer = parse(await_published(node, Kind.HELLO))
    assert answer.source == node.node_id
    assert [peer.node_id for peer in node.peers()] == [STRANGER]


def test_a_caller_rings_a_thread_that_sleeps(open_node: Any) -> None:
    """What a caller wants sent does not wait for the next heartbeat."""
    node = open_node()
    node.start()
    node.transport.arrive(hello(node), changes=[b"\x01" + node_topic(STRANGER)])
    await_published(node, Kind.HELLO)

    node.ask(lambda mesh, now: mesh.send(f"x.{encode_node_id(STRANGER)}!1", BODY, now))

    assert parse(await_published(node, Kind.DIRECT)).body == BODY


def test_discovery_is_heard(open_node: Any) -> None:
    """A candidate is dialled; one that is taken back is not dialled again."""
    node = open_node(discovery=FakeDiscovery(settles=False))
    node.start()
    candidate = Candidate("tcp://elsewhere:1", STRANGER)

    node.found(candidate)
    wire = await_published(node, Kind.HELLO)
    node.lost(candidate)
    node.settled()

    assert parse(wire).source == node.node_id
    node.ask(lambda mesh, now: mesh.tick(now))


def test_a_bug_of_ours_does_not_end_the_node(open_node: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An exception in a round is logged with its traceback, and the next round goes on."""
    node = open_node()
    node.start()
    receive = node._mesh.receive

    def fail_once(wire: bytes, now: float, age_s: float) -> None:
        node._mesh.receive = receive
        raise ZeroDivisionError

    node._mesh.receive = fail_once
    with caplog.at_level(logging.ERROR, "zmqlayer"):
        node.transport.arrive(b"")
        node.transport.arrive(hello(node))
        await_published(node, Kind.HELLO)

    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


def test_an_error_of_a_caller_is_the_callers(open_node: Any) -> None:
    """What a question raises reaches who asked, and the lock is free."""
    node = open_node(capacity=1)
    node.ask(lambda mesh, now: mesh.send("jobs", BODY, now))

    with pytest.raises(ChannelFull):
        node.ask(lambda mesh, now: mesh.send("jobs", BODY, now))

    node.take(Interest((), ("jobs",)))


def test_the_first_actions_are_the_nodes_own_topics(open_node: Any) -> None:
    """A node subscribes to everyone and to itself before anything else."""
    node = open_node()
    node.start()

    first = [node.transport.carried.get(timeout=WITHIN_S) for _ in range(2)]

    assert first == [Subscribe(BROADCAST), Subscribe(node_topic(node.node_id))]


# Waking and telling


def test_a_receiver_is_woken_and_looks_again(open_node: Any) -> None:
    """A message for a waiting receiver wakes it; the message is taken by whoever looks first."""
    node = open_node()
    channel = f"x.{encode_node_id(node.node_id)}!1"
    interest, waiter = Interest((channel,), ()), ThreadWaiter()
    first_look = node.take_or_wait(Receiver(interest, waiter))

    node.ask(lambda mesh, now: mesh.send(channel, BODY, now))

    assert first_look is None
    assert waiter.wait(WITHIN_S)
    assert node.take(interest).body == BODY


def test_a_batch_wakes_one_receiver_for_each_message(open_node: Any) -> None:
    """Three wait and two messages come in one frame: two are woken, and find them; the third sleeps on."""
    node = open_node()
    link_with_stranger(node)
    channel = f"x.{encode_node_id(node.node_id)}!1"
    interest, waiters = Interest((channel,), ()), [ThreadWaiter() for _ in range(3)]
    for waiter in waiters:
        node.take_or_wait(Receiver(interest, waiter))

    node.transport.arrive(frame(STRANGER, Kind.BATCH, node, pack_batch([BODY] * 2), channel))

    assert [waiter.wait(WITHIN_S) for waiter in waiters[:2]] == [True, True]
    assert [node.take(interest).body for _ in range(2)] == [BODY, BODY]
    assert not waiters[2].wait(0)
    assert node.take(interest) is None


def test_watchers_hear_of_channels_that_nobody_waits_for(open_node: Any) -> None:
    """One call for a batch, with the names of the channels."""
    node = open_node()
    prefix = f"x.{encode_node_id(node.node_id)}!"
    heard: list[list[str]] = []
    node.watch(prefix, heard.append)

    def send_three(mesh: Mesh, now: float) -> None:
        for local in ("1", "2", "1"):
            mesh.send(prefix + local, BODY, now)

    node.ask(send_three)

    assert heard == [[prefix + "1", prefix + "2", prefix + "1"]]


def test_conditions_are_told_when_they_hold(open_node: Any) -> None:
    """At once if it holds already, else when it comes true, and not after it was given up."""
    node = open_node(discovery=FakeDiscovery(settles=False))
    waiter, given_up = ThreadWaiter(), ThreadWaiter()
    at_once = node.when(lambda mesh: True, ThreadWaiter())
    later = node.when(lambda mesh: mesh.is_joined, waiter)
    node.when(lambda mesh: mesh.is_joined, given_up)
    node.stop_waiting(given_up)

    node.settled()

    assert (at_once, later) == (True, False)
    assert waiter.wait(WITHIN_S)
    assert not given_up.wait(0)


def test_callbacks_hear_of_peers_and_may_fail(open_node: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A callback that fails is logged and keeps nobody else from hearing."""
    node = open_node()
    heard = threading.Event()
    node.on_peer(lambda change: 1 / 0)
    node.on_peer(lambda change: heard.set())
    node.start()

    with caplog.at_level(logging.ERROR, "zmqlayer"):
        link_with_stranger(node)
        assert heard.wait(WITHIN_S)

    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


def test_statistics_add_what_the_transport_lost(open_node: Any) -> None:
    """Counters of the mesh, what is in flight, and what no pipe had room for."""
    node = open_node()
    node.ask(lambda mesh, now: mesh.send("jobs", BODY, now))
    node.transport.lost["pipe full"] += 2

    statistics = node.statistics()

    assert (statistics["accepted"], statistics["in_flight"], statistics["frames lost: pipe full"]) == (1, 1, 2)


def test_expiry_follows_the_nodes_clock(open_node: Any) -> None:
    """No wall clock: messages age as the clock that was passed in says."""
    node = open_node(expiry=60)
    node.ask(lambda mesh, now: mesh.send("jobs", BODY, now))

    node.clock.now += 61

    assert node.take(Interest((), ("jobs",))) is None
    assert node.statistics()["expired"] == 1
