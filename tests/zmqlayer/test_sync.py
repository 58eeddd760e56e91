"""The blocking face: what its waits do when nobody answers, or somebody else is faster."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

import zmqlayer.base
from support.doubles import FakeDiscovery, fake_node, stepping
from support.network import STRANGER, control, greeting
from zmqlayer.actions import Probe
from zmqlayer.base import MOST_OPENED_BYTES
from zmqlayer.codec import decode
from zmqlayer.config import Timing
from zmqlayer.events import Completed
from zmqlayer.exceptions import LayerClosed, NotReady, TransportError
from zmqlayer.frames import Kind
from zmqlayer.layer import AsyncLayer
from zmqlayer.mesh import Mesh
from zmqlayer.names import short
from zmqlayer.slot import NodeSlot
from zmqlayer.switchboard import Receiver
from zmqlayer.sync import SyncLayer
from zmqlayer.waiters import ThreadWaiter


@pytest.fixture
def layer() -> Iterator[Any]:
    """A layer on a node without sockets."""
    layer = SyncLayer(NodeSlot(fake_node))
    yield layer
    layer.node.ask(lambda mesh, now: mesh.flush(now))
    layer.close()


def test_one_message_is_found_by_polling(layer: Any) -> None:
    """What this node queued for itself is found at the first look."""
    layer.send("jobs", {"n": 1})

    assert layer.receive(["jobs"]) == ("jobs", {"n": 1})
    assert layer.receive(["jobs"]) == (None, None)


def test_waiting_ends_without_a_message(layer: Any) -> None:
    """A wait that is over leaves no receiver behind that a message could be given to."""
    waited = layer.receive(["jobs"], block=True, timeout=0.01)

    layer.send("jobs", {"n": 1})

    assert waited == (None, None)
    assert layer.receive(["jobs"]) == ("jobs", {"n": 1})


def test_a_message_that_is_none_is_not_returned(layer: Any) -> None:
    """A body that cannot be decoded counts as nothing."""

    def send_garbage(mesh: Mesh, now: float) -> None:
        mesh.send("jobs", b"\xc1", now)

    layer.node.ask(send_garbage)

    assert layer.receive(["jobs"]) == (None, None)
    assert layer.statistics()["malformed"] == 1


def test_nobody_is_ready(layer: Any) -> None:
    """The error has the numbers."""
    with pytest.raises(NotReady) as caught:
        layer.ready(2, timeout=0.01)

    assert (caught.value.wanted, caught.value.found) == (2, 0)


def test_zero_peers_are_always_ready(layer: Any) -> None:
    """Waiting for nobody returns at once."""
    assert layer.ready(0, timeout=0) == 0


def test_peers_that_were_ready_at_the_same_time_are_enough(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """That one of them is silent again when the thread wakes is no reason to say that they never were."""
    layer.start()
    counts = iter([0, 0, 2])
    monkeypatch.setattr(Mesh, "ready_peers", property(lambda mesh: next(counts, 1)))

    with stepping(layer.node):
        assert layer.ready(2, timeout=5.0) == 2


def test_a_join_that_does_not_end_is_given_up() -> None:
    """Group methods wait for the mesh for a bounded time, even if discovery never settles."""
    node = fake_node(discovery=FakeDiscovery(settles=False))
    node.config = type(node.config)(discovery="off", timing=Timing(join_timeout_s=0.01))
    layer = SyncLayer(NodeSlot(lambda: node))

    layer.send_group("room", {"n": 1})

    assert layer.peers() == []
    layer.close()


def test_a_list_of_members_is_read_with_care(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that are no lists of names are left out; a name that two nodes say counts once."""
    layer.group_add("room", "audit")
    other = type(STRANGER)(b"other-----------")
    answers = {STRANGER: ["audit", "more", 5], other: None}
    monkeypatch.setattr(SyncLayer, "_request", lambda self, begin: (layer.node.ask(begin), Completed(1, answers))[1])

    assert layer.group_channels("room") == ["audit", "more"]


def test_a_list_names_who_did_not_answer(
    layer: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Members that could not be asked for are missing, and the log says whose."""
    ended = Completed(1, {}, frozenset((STRANGER,)))
    monkeypatch.setattr(SyncLayer, "_request", lambda self, begin: (layer.node.ask(begin), ended)[1])

    assert layer.group_channels("room") == []

    assert f"'room' lacks those of {short(STRANGER)}" in caplog.text


def test_an_answer_that_does_not_come_is_not_waited_for_long() -> None:
    """A peer that greeted and then stands still holds a request up for about a second at most."""
    node: Any = fake_node()
    layer = SyncLayer(NodeSlot(lambda: node))
    layer.group_add("other", layer.new_channel("reply!"))  # alone; and so it has joined
    node.transport.arrive(control(STRANGER, Kind.HELLO, node, greeting(node.config.cluster_tag)))
    while not layer.peers():
        node.transport.wake()

    begun_at = node.clock.now
    asking = threading.Thread(target=layer.group_add, args=("room", layer.new_channel("reply!")))
    asking.start()
    while asking.is_alive():
        if node._board._requests:  # time passes while somebody waits, and no longer
            node.clock.now += 0.05
            node.pump.step(frozenset())
        asking.join(0.001)

    assert 0.5 <= node.clock.now - begun_at <= 1.1
    assert layer.peers() != []
    layer.close()


def test_a_pattern_makes_a_name(layer: Any) -> None:
    """The node's id stands in the name, whichever kind it is."""
    process, single = layer.new_channel("reply!"), layer.new_channel("body?")

    assert process.startswith("reply.")
    assert process.count("!") == single.count("?") == 1


# Copies of a group message

MESSAGES = {
    "empty": {},
    "flat": {"n": 1, "text": "x", "bytes": b"x", "none": None},
    "nested": {"list": [1, [2]], "dict": {"a": {"b": [3]}}},
    "large": {"text": "x" * (MOST_OPENED_BYTES + 1)},
}


def spoil(value: Any) -> None:
    """Change all of a message that can be changed."""
    for inner in list(value.values()) if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            spoil(inner)
    if isinstance(value, dict):
        value["spoiled"] = True
    else:
        value.append("spoiled")


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_each_member_of_a_group_has_a_message_of_its_own(layer: Any, message: dict[str, Any]) -> None:
    """What one does to it no other sees, however often it is read; nor does who reads it as a coroutine."""
    members = [layer.new_channel("x!") for _ in range(4)]
    for member in members:
        layer.group_add("room", member)
    for _ in range(2):
        layer.send_group("room", deepcopy(message))

    taken = []
    for member in (*members, *members):
        got = (
            layer.receive([member])[1] if member != members[1] else asyncio.run(AsyncLayer(layer._slot).receive(member))
        )
        taken.append(deepcopy(got))
        spoil(got)

    assert taken == [message] * 8


def test_a_message_that_equals_a_copy_is_none(layer: Any) -> None:
    """The same bytes may be sent to a group and to a member, in any order: each is its reader's own."""
    member = layer.new_channel("x!")
    layer.group_add("room", member)
    for _ in range(2):
        layer.send_group("room", {"n": 1})
        layer.send(member, {"n": 1})

    taken = []
    for _ in range(4):
        _, got = layer.receive([member])
        taken.append(dict(got))
        spoil(got)

    assert taken == [{"n": 1}] * 4


def test_a_copy_that_is_read_by_prefix_says_whose_it_is(layer: Any) -> None:
    """The members share one letter, and yet each message comes with its own channel."""
    members = [layer.new_channel("x!") for _ in range(3)]
    for member in members:
        layer.group_add("room", member)
    layer.send_group("room", {"n": 1})
    prefix = members[0].partition("!")[0] + "!"

    taken = [layer.receive([prefix]) for _ in range(4)]

    assert sorted(taken[:3]) == sorted((member, {"n": 1}) for member in members)
    assert taken[3] == (None, None)


@pytest.mark.parametrize("block", [False, True])
def test_a_copy_names_its_channel(layer: Any, block: bool) -> None:
    """Whether the receiver would have waited or not."""
    member = layer.new_channel("x!")
    layer.group_add("room", member)
    layer.send_group("room", {"n": 1})

    assert layer.receive([member], block=block) == (member, {"n": 1})


def test_copies_are_counted_where_they_wait(layer: Any) -> None:
    """Statistics by channel know of each member's copy, though they are one letter."""
    members = [layer.new_channel(pattern) for pattern in ("x!", "x!", "y!")]
    for member in members:
        layer.group_add("room", member)
    for _ in range(2):
        layer.send_group("room", {"n": 1})

    def pending() -> list[float]:
        return [layer.channel_statistics(members[number])["messages_pending"] for number in (0, 2)]

    before = pending()
    layer.receive([members[0]])

    assert (before, pending()) == ([4, 2], [3, 2])
    assert layer.global_statistics()["messages_pending"] == 5


def test_a_group_message_is_opened_once(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many members wait for it, or look for it when it lies there."""
    opened: list[bytes] = []

    def open_body(body: bytes) -> dict[str, Any]:
        opened.append(body)
        return decode(body)

    monkeypatch.setattr(zmqlayer.base, "decode", open_body)
    members = [layer.new_channel("x!") for _ in range(4)]
    for member in members:
        layer.group_add("room", member)
    layer.send_group("room", {"n": 1})

    taken = [layer.receive([member], block=True) for member in members[:2]]
    taken += [(member, asyncio.run(AsyncLayer(layer._slot).receive(member))) for member in members[2:]]

    assert taken == [(member, {"n": 1}) for member in members]
    assert len(opened) == 1


@pytest.mark.parametrize("is_there", [True, False])
def test_a_thread_looks_before_it_sleeps(layer: Any, monkeypatch: pytest.MonkeyPatch, is_there: bool) -> None:
    """What arrived already it takes in itself: nobody else need wake, and wake it. If nothing did, it sleeps."""
    channel = layer.new_channel("x!")
    slept: list[Any] = []

    def look() -> bool:
        if is_there:
            layer.send(channel, {"n": 1})
        return is_there

    monkeypatch.setattr(layer.node, "look", look)
    monkeypatch.setattr(layer.node, "take_or_wait", slept.append)

    got = layer.receive([channel], block=True, timeout=0.0)

    assert got == ((channel, {"n": 1}) if is_there else (None, None))
    assert bool(slept) is not is_there


def test_who_was_woken_for_what_another_took_waits_on(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is left of its time, and it is woken by the next message."""
    other: list[object] = []
    left_s: list[float] = []

    def wait(waiter: ThreadWaiter, timeout_s: float) -> bool:
        left_s.append(timeout_s)
        layer.send("jobs", {"n": len(left_s)})
        if len(left_s) == 1:
            other.append(layer.receive(["jobs"]))
        return as_ever(waiter, 0)

    as_ever = ThreadWaiter.wait
    monkeypatch.setattr(ThreadWaiter, "wait", wait)

    got = layer.receive(["jobs"], block=True, timeout=60)

    assert (other, got) == ([("jobs", {"n": 1})], ("jobs", {"n": 2}))
    assert 0 < left_s[1] < left_s[0] <= 60


# A wait that an exception ends


class SoftLimit(Exception):
    """What a signal handler raises in a thread that waits."""


def raise_soft_limit(*args: object) -> None:
    raise SoftLimit


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that has the next wait of a thread do something and raise; later ones are as ever."""

    def interrupt(meanwhile: Callable[[], object] = lambda: None) -> None:
        def wait(waiter: ThreadWaiter, timeout_s: float) -> bool:
            monkeypatch.setattr(ThreadWaiter, "wait", as_ever)
            meanwhile()
            raise SoftLimit

        as_ever = ThreadWaiter.wait
        monkeypatch.setattr(ThreadWaiter, "wait", wait)

    return interrupt


@pytest.mark.parametrize("pattern", ["x!", None])
@pytest.mark.parametrize("is_woken", [False, True])
def test_a_receive_that_is_interrupted_swallows_no_wake(
    layer: Any, interrupt: Any, pattern: str | None, is_woken: bool
) -> None:
    """Whether the thread was woken before or not, who waits for the same channel is woken by the next message."""
    channel = layer.new_channel(pattern) if pattern else "jobs"
    other = Receiver(layer._interest((channel,)), ThreadWaiter())

    def meanwhile() -> None:
        layer.node.take_or_wait(other)
        if is_woken:
            layer.send(channel, {"n": 1})

    interrupt(meanwhile)
    with pytest.raises(SoftLimit):
        layer.receive([channel], block=True)

    if not is_woken:
        layer.send(channel, {"n": 1})

    assert other.waiter.wait(0)


def test_a_receive_that_is_interrupted_before_it_sleeps_swallows_no_wake(
    layer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From when it is known to wait an exception may come at any moment."""
    layer.start()
    with monkeypatch.context() as patch, pytest.raises(SoftLimit):
        patch.setattr(layer.node.pump, "flush", raise_soft_limit)
        layer.receive(["jobs"], block=True)
    layer.node.take_or_wait(Receiver(layer._interest(("jobs",)), waiter := ThreadWaiter()))

    layer.send("jobs", {"n": 1})

    assert waiter.wait(0)


@pytest.mark.parametrize(
    "wait",
    [
        lambda layer: layer.ready(2),
        lambda layer: layer.send_group("room", {"n": 1}),
        lambda layer: layer.wait_until_read("x", 5.0),
        lambda layer: layer._request(lambda mesh, now: 1),
    ],
    ids=["ready", "join", "read", "request"],
)
def test_a_wait_that_is_interrupted_leaves_nothing(
    interrupt: Any, monkeypatch: pytest.MonkeyPatch, wait: Callable[[SyncLayer], object]
) -> None:
    """Of what is waited for besides messages nobody keeps the waiter."""
    monkeypatch.setattr(Mesh, "is_read", lambda mesh, prefix: False)
    node = fake_node(discovery=FakeDiscovery(settles=False))
    layer = SyncLayer(NodeSlot(lambda: node))
    layer.start()

    interrupt()
    with pytest.raises(SoftLimit):
        wait(layer)

    assert (node._board._conditions, node._board._requests) == ([], {})
    layer.close()


def test_a_join_that_is_given_up_leaves_nothing(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one whose time is over."""
    monkeypatch.setattr(Mesh, "is_joined", False)
    layer.node.config = replace(layer.node.config, timing=Timing(join_timeout_s=0.0))

    layer.send_group("room", {"n": 1})

    assert layer.node._board._conditions == []


def test_a_wait_at_a_layer_that_cannot_start_says_why() -> None:
    """Nothing waits there that could be given up."""
    node = fake_node()
    node.transport.error = TransportError("no port")

    with pytest.raises(TransportError, match="no port"):
        SyncLayer(NodeSlot(lambda: node)).receive(["jobs"], block=True)
    node.close()
    with pytest.raises(LayerClosed):
        SyncLayer(NodeSlot(lambda: node)).receive(["jobs", "others"], block=True)


def test_a_coroutine_that_blocks_its_loop_has_sent_before(layer: Any) -> None:
    """What it put off to the end of its turn is on its way when it waits for the answer."""

    async def main() -> list[bool]:
        for port in (1, 2):
            layer.node.ask(lambda mesh, now, port=port: mesh.outbox.do(Probe(f"tcp://127.0.0.1:{port}")))
        is_put_off = bool(layer.node.ask(lambda mesh, now: mesh.outbox))
        layer.receive(["jobs"], block=True, timeout=0.001)
        return [is_put_off, bool(layer.node.ask(lambda mesh, now: mesh.outbox))]

    assert asyncio.run(main()) == [True, False]
