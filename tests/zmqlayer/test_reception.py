"""Reception: whatever a peer sends, the node goes on; what breaks the protocol ends the link to who sent it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.network import (
    STRANGER,
    assert_meshed,
    control,
    frame,
    greeting,
    inject,
    joined,
    numbered,
    sent,
)
from zmqlayer.codec import pack_control, unpack_control
from zmqlayer.exceptions import ProtocolError
from zmqlayer.frames import Kind, Work, group_topic, node_topic, pack, pack_batch, pack_work, pack_work_batch, parse
from zmqlayer.memory import MemoryNode
from zmqlayer.ports import Candidate

NOT_MSGPACK = b"\xc1"
A_LIST = b"\x93\x01\x02\x03"


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# Malformed frames of every kind

MALFORMED: dict[str, tuple[Kind, bytes]] = {
    "HELLO that is not msgpack": (Kind.HELLO, NOT_MSGPACK),
    "SYNCED that is not msgpack": (Kind.SYNCED, NOT_MSGPACK),
    "SYNCED that is a list": (Kind.SYNCED, A_LIST),
    "CREDIT that is empty": (Kind.CREDIT, b""),
    "CREDIT without a reader": (Kind.CREDIT, pack_control({"limit": 5})),
    "CREDIT of a text": (Kind.CREDIT, pack_control({"reader": 1, "limit": 5, "channels": "jobs"})),
    "CREDIT of numbers": (Kind.CREDIT, pack_control({"reader": 1, "limit": 5, "channels": [1]})),
    "CREDIT for a reader below 0": (Kind.CREDIT, pack_control({"reader": -1, "limit": 5, "channels": ["jobs"]})),
    "CREDIT for a reader beyond 32 bits": (Kind.CREDIT, pack_control({"reader": 2**32, "limit": 5})),
    "RETURN that is too short": (Kind.RETURN, b"\x00"),
    "CONSUMED of a text": (Kind.CONSUMED, pack_control({"read": [["x", "1"]]})),
    "CONSUMED of a list": (Kind.CONSUMED, pack_control({"read": ["x"]})),
    "CONSUMED of a map": (Kind.CONSUMED, pack_control({"read": {"x": 1}})),
    "CONSUMED of more work than was handed over": (Kind.CONSUMED, pack_control({"done": 1})),
    "CONSUMED of less than nothing": (Kind.CONSUMED, pack_control({"done": -1})),
    "CONSUMED that missed what was never sent": (Kind.CONSUMED, pack_control({"missed": [1, 0]})),
    "CONSUMED that missed a text": (Kind.CONSUMED, pack_control({"missed": "all"})),
    "CONSUMED with half a gap": (Kind.CONSUMED, pack_control({"gaps": [[1]]})),
    "RETURN of what was never handed over": (Kind.RETURN, pack_work(0, 0, 1, b"\x80")),
    "TALLY of nothing": (Kind.TALLY, pack_control({})),
    "TALLY of a text": (Kind.TALLY, pack_control({"sent": "1", "missed": 0, "done": 0})),
    "TALLY that holds a number": (
        Kind.TALLY,
        pack_control({"sent": 0, "missed": 0, "done": 0, "seen": 0, "held": [[1, 2]]}),
    ),
    "ENDED of nobody": (Kind.ENDED, pack_control({})),
    "ASK without a number": (Kind.ASK, pack_control({"service": "flush"})),
    "ASK for a number": (Kind.ASK, pack_control({"id": 1, "service": 5})),
    "ASK to add without a group": (Kind.ASK, pack_control({"id": 1, "service": "group_add", "channel": "x"})),
    "ASK to add without a lifetime": (
        Kind.ASK,
        pack_control({"id": 1, "service": "group_add", "group": "g", "channel": "x"}),
    ),
    "ASK for the members of Ä": (Kind.ASK, pack_control({"id": 1, "service": "group_channels", "group": "Ä"})),
    "ANSWER to nothing": (Kind.ANSWER, pack_control({"value": 1})),
    "DIRECT to somebody else": (Kind.DIRECT, b"\x80"),
    "WORK that is too short": (Kind.WORK, b"\x00\x00\x00"),
    "BATCH to somebody else": (Kind.BATCH, pack_batch([b"\x80", b"\x80"])),
}


@pytest.mark.parametrize(("kind", "body"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_frame_ends_the_link_and_nothing_else(
    kind: Kind, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted and logged once, its sender is gone and stays out, and the others see nothing of it."""
    network, a, bad, good = joined("a", "bad", "good")

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        inject(network, a, frame(bad.node_id, kind, a, body))
        inject(network, a, frame(bad.node_id, kind, a, body))
        network.run(30.0)

    assert a.mesh.counters.malformed == 1
    assert len(warnings_of(caplog)) == 1
    assert a.sees(bad) is None
    assert [a.sees(good), good.sees(a), good.sees(bad)] == ["ready"] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"version": None},
        {"version": [1]},
        {"link": "7"},
        {"link": -1},
        {"link": 2**32},
        {"hosts": []},
        {"hosts": [5]},
        {"hosts": ["x"] * 99},
        {"pull": 0},
        {"pub": 70_000},
        {"dialled": None},
        {"answer": 1},
        {"role": 5},
        {"peers": [["x", "tcp://x:1"]]},
        {"peers": [[b"x" * 16, "http://x:1"]]},
        {"peers": [[b"x" * 16, "tcp://x:1"]] * 65},
    ],
    ids=str,
)
def test_a_malformed_greeting_makes_no_peer(changes: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """A HELLO with a key that is missing or wrong is counted; who sent it is not followed."""
    network, a, _b = joined("a", "b")

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        inject(network, a, control(STRANGER, Kind.HELLO, a, greeting(a.config.cluster_tag, **changes)))

    assert a.mesh.counters.malformed + len(warnings_of(caplog)) >= 1
    assert len(a.mesh.peers()) == 1


def test_garbage_from_a_stranger_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Bytes that are no frame are counted each time, and logged the first time."""
    network, a, b = joined("a", "b")

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        for size in (0, 1, 17, 39):
            inject(network, a, bytes(size))
        inject(network, a, frame(b.node_id, Kind.HEARTBEAT, a, target="x")[:-1])

    assert a.mesh.counters.malformed == 5
    assert len(warnings_of(caplog)) == 1
    assert_meshed(a, b)


def test_a_strangers_frames_are_ignored_and_counted() -> None:
    """A frame of a node that never greeted does nothing; one with a message in it is counted."""
    network, a = joined("a")
    channel = a.new_channel()

    inject(network, a, frame(STRANGER, Kind.DIRECT, a, b"\x80", channel))
    inject(network, a, frame(STRANGER, Kind.HEARTBEAT, a))

    assert a.mesh.counters.ignored == 1
    assert a.take(channel) is None


def test_each_message_of_a_strangers_batch_is_counted() -> None:
    """A node that never greeted sends several in one frame: as many are ignored; of half a batch nobody knows."""
    network, a = joined("a")
    channel = a.new_channel()

    inject(network, a, frame(STRANGER, Kind.BATCH, a, pack_batch([b"\x80"] * 3), channel))
    inject(network, a, frame(STRANGER, Kind.BATCH, a, b"\x00\x05", channel))
    inject(network, a, frame(STRANGER, Kind.WORK_BATCH, a, pack_work_batch(Work(0, 1, [(1, 1000, b"\x80")] * 2)), "x"))

    assert (a.mesh.counters.ignored, a.mesh.counters.malformed) == (5, 1)
    assert a.take(channel) is None


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.BATCH, b""),
        (Kind.BATCH, b"\x00\x02\x00\x00\x00\x01"),
        (Kind.BATCH, b"\x00\x01\x00\x00\x00\x02\x80"),
        (Kind.BATCH, pack_batch([b"\x80"]) + b"\x80"),
        (Kind.WORK_BATCH, b""),
        (Kind.WORK_BATCH, bytes(9) + b"\x02" + bytes(16)),
        (Kind.WORK_BATCH, pack_work_batch(Work(0, 0, [(1, 1, b"\x80")]))[:-1]),
        (Kind.WORK_BATCH, pack_work_batch(Work(0, 0, [(1, 1, b"\x80")])) + b"\x80"),
    ],
    ids=[
        f"{kind} that is {fault}"
        for kind in ("BATCH", "WORK_BATCH")
        for fault in ("empty", "of two with one length", "shorter than it says", "longer than it says")
    ],
)
def test_a_malformed_batch_ends_the_link(kind: Kind, body: bytes) -> None:
    """Nothing of it is taken in, its sender is gone, and the others see nothing of it."""
    network, a, bad, good = joined("a", "bad", "good")

    inject(network, a, frame(bad.node_id, kind, a, body, a.new_channel()))
    network.run(1.0)

    assert (a.mesh.counters.malformed, a.mesh.counters.arrived, a.mesh.in_flight) == (1, 0, 0)
    assert [a.sees(bad), a.sees(good), good.sees(a)] == [None, "ready", "ready"]


def test_a_batch_of_none_is_no_message() -> None:
    """Its sender says nothing, in many words."""
    network, a, b = joined("a", "b")

    inject(network, a, frame(b.node_id, Kind.BATCH, a, pack_batch([]), a.new_channel()))
    inject(network, a, frame(b.node_id, Kind.WORK_BATCH, a, bytes(10), "jobs"))

    assert (a.mesh.counters.ignored, a.mesh.counters.malformed, a.mesh.in_flight) == (0, 0, 0)
    assert_meshed(a, b)


def test_a_batch_beyond_the_last_sequence_harms_nobody() -> None:
    """Its second message would have a number that no frame can bear: its sender broke the protocol."""
    network, a, bad, good = joined("a", "bad", "good")

    inject(
        network, a, frame(bad.node_id, Kind.BATCH, a, pack_batch([b"\x80"] * 2), a.new_channel(), sequence=2**64 - 1)
    )
    network.run(1.0)

    assert (a.sees(bad), a.sees(good)) == (None, "ready")
    assert a.mesh.counters.malformed == 1


def test_a_message_beyond_the_last_sequence_harms_nobody() -> None:
    """Nor is it reported as seen: the report would end the link to whoever is told."""
    network, a, bad, good = joined("a", "bad", "good")

    inject(network, a, frame(bad.node_id, Kind.DIRECT, a, b"\x80", a.new_channel(), sequence=2**64 - 1))
    network.run(1.0)

    assert (a.sees(bad), a.sees(good)) == (None, "ready")


def test_unknown_kinds_are_ignored() -> None:
    """A newer minor version may send frames that we do not know."""
    network, a, b = joined("a", "b")

    inject(network, a, frame(b.node_id, 200, a, NOT_MSGPACK))

    assert a.mesh.counters.malformed == 0
    assert_meshed(a, b)


def test_a_message_that_is_none_is_its_senders_fault(caplog: pytest.LogCaptureFixture) -> None:
    """A body that cannot be decoded when it is read ends the link to who sent it."""
    network, a, bad, good = joined("a", "bad", "good")
    channel = a.new_channel()
    inject(network, a, frame(bad.node_id, Kind.DIRECT, a, NOT_MSGPACK, channel))

    with pytest.raises(ProtocolError) as caught:
        a.take(channel)
    with caplog.at_level(logging.WARNING, "zmqlayer"):
        a.mesh.malformed(bad.node_id, caught.value, network.now)
    network.pump(a)

    assert (a.sees(bad), a.sees(good)) == (None, "ready")
    assert "not msgpack" in warnings_of(caplog)[0]


def test_a_banned_peer_may_come_back_after_a_minute() -> None:
    """Breaking the protocol once is not the end for ever."""
    network, a, bad = joined("a", "bad")
    inject(network, a, frame(bad.node_id, Kind.SYNCED, a, NOT_MSGPACK))
    network.run(59.0)
    banned = a.sees(bad)

    network.run(5.0)

    assert banned is None
    assert_meshed(a, bad)


def test_work_for_a_former_process_is_dropped() -> None:
    """Work that names another node id came late for who had our port before."""
    network, a, b = joined("a", "b")
    wire = pack(node_topic(STRANGER), Kind.WORK, b.node_id, 60_000, "jobs", pack_work(1, 1, 1, b"\x80"), 1)

    inject(network, a, wire)

    assert a.mesh.counters.ignored == 1
    assert a.mesh.in_flight == 0


def test_a_batch_for_a_former_process_is_dropped() -> None:
    """Messages that name another node id came late for who had our port before; each is counted."""
    network, a, b = joined("a", "b")
    wire = pack(node_topic(STRANGER), Kind.BATCH, b.node_id, 60_000, a.new_channel(), pack_batch([b"\x80"] * 3), 1)

    inject(network, a, wire)

    assert (a.mesh.counters.ignored, a.mesh.counters.arrived) == (3, 0)
    assert a.mesh.in_flight == 0


KEYS = (
    *("link", "reader", "limit", "channels", "counts", "id", "service", "group", "channel", "lives_s"),
    *("value", "mine", "yours", "version", "cluster", "peers", "hosts"),
)
WORDS = ("group_add", "group_discard", "group_channels", "flush", "jobs", "x!y")
scalars = st.one_of(
    st.sampled_from([None, True, 0, 1, -1, 2**32, 2**64 - 1, 1.5, float("nan"), float("inf")]),
    st.sampled_from(WORDS),
    st.text(max_size=5),
    st.binary(max_size=17),
)
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from(WORDS), scalars, max_size=3)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from([*Kind, 0, 77, 255]),
    payload=st.dictionaries(st.sampled_from(KEYS), values),
    target=st.sampled_from(["", "jobs", "x!", "x!y", "\x7f"]),
    ttl_ms=st.sampled_from([0, 1, 60_000, 2**32 - 1]),
)
def test_whatever_a_peer_sends_the_node_goes_on(kind: int, payload: dict[str, Any], target: str, ttl_ms: int) -> None:
    """No frame of a known peer raises, now or later, and messages still pass afterwards between the others."""
    network, a, bad, good = joined("a", "bad", "good")
    credit = {"link": link_of(bad), "reader": 1, "limit": 9, "channels": ["jobs"]}
    for body in (pack_control(credit | payload), pack_control(payload), b"", pack_work(1, 1, 1, b"")):
        inject(network, a, frame(bad.node_id, kind, a, body, target, ttl_ms))
    a.send("jobs", {"n": 1})
    a.group_send("g", {"n": 2})
    channel = good.new_channel()
    a.send(channel, {"n": 3})

    network.run(2.5)

    assert numbered(good, channel) == [3]
    assert_meshed(a, good)


def link_of(node: MemoryNode) -> int:
    """Return the number under which a node that ended no link yet greets everyone."""
    node.mesh.found(Candidate("tcp://nowhere:1"), 0.0)
    node.mesh.tick(float("1e9"))
    node.mesh.probed("tcp://nowhere:1", True, float("1e9"))
    (wire,) = sent(node.mesh.outgoing(), Kind.HELLO)
    return int(unpack_control(parse(wire).body)["link"])


# What waited for the process to run


@pytest.mark.parametrize(("age_s", "is_read"), [(0.0, True), (2.9, True), (3.1, False), (1e6, False)])
def test_what_waited_lives_shorter(age_s: float, is_read: bool) -> None:
    """A message alone or with others, for a process channel, a group or a reader: what has expired is not read."""
    network, a, b = joined("a", "b", prefetch=20)
    channel, member = a.new_channel(), a.new_channel()
    a.group_add("room", member)
    a.wait("jobs")
    network.run(0.1)
    sent_by = b.node_id
    frames = [
        frame(sent_by, Kind.DIRECT, a, b"\x80", channel, 3000, 1),
        frame(sent_by, Kind.BATCH, a, pack_batch([b"\x80"] * 2), channel, 3000, 2),
        pack(group_topic(a.mesh._config.cluster, "room"), Kind.GROUP, sent_by, 3000, "", b"\x80"),
        frame(sent_by, Kind.WORK, a, pack_work(0, 1, 1, b"\x80"), "jobs", 3000, 1),
        frame(sent_by, Kind.WORK_BATCH, a, pack_work_batch(Work(0, 1, [(2, 3000, b"\x80")] * 2)), "jobs", 0, 2),
    ]

    for wire in frames:
        a.mesh.receive(wire, network.now, age_s)

    read = [len(a.take_all(name)) for name in (channel, member, "jobs")]
    assert (read, a.mesh.counters.expired) == (([3, 1, 3], 0) if is_read else ([0, 0, 0], 7))
    assert a.sees(b) == "ready"


def test_what_waited_and_is_malformed_ends_the_link() -> None:
    """Its age makes no difference."""
    network, a, bad = joined("a", "bad")

    a.mesh.receive(frame(bad.node_id, Kind.WORK_BATCH, a, b"\x00", "jobs"), network.now, 5.0)

    assert (a.sees(bad), a.mesh.counters.malformed) == (None, 1)
