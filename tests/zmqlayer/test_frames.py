"""Frames: the bytes that stand in ``docs/wire.md``, both ways, and whatever else a peer may send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.strategies import channels, links, names, node_ids, quick, topics
from zmqlayer.exceptions import ProtocolError
from zmqlayer.frames import (
    BROADCAST,
    HEADER_BYTES,
    TOPIC_BYTES,
    Frame,
    Kind,
    Work,
    barrier_topic,
    group_topic,
    is_barrier,
    is_for,
    is_shared,
    node_of,
    node_topic,
    pack,
    pack_batch,
    pack_work,
    pack_work_batch,
    parse,
    parse_batch,
    parse_work,
    parse_work_batch,
)
from zmqlayer.names import NodeId

NODE = NodeId(bytes(range(16)))
NODE_HEX = "000102030405060708090a0b0c0d0e0f"

TABLE = [
    (
        Frame(BROADCAST, Kind.HEARTBEAT, NODE, 0, "", b"\x80"),
        "00" * 17 + "03" + NODE_HEX + "00000000" + "00" * 8 + "0000" + "80",
    ),
    (
        Frame(node_topic(NODE), Kind.DIRECT, NODE, 60_000, "a!b", b"body", 258),
        "01" + NODE_HEX + "10" + NODE_HEX + "0000ea60" + "0000000000000102" + "0003" + "612162" + "626f6479",
    ),
    (
        Frame(barrier_topic(b"12345678", NODE), Kind.ECHO, NODE, 0, "", b""),
        "03" + NODE_HEX[:16] + "3132333435363738" + "05" + NODE_HEX + "00000000" + "00" * 8 + "0000",
    ),
    (
        Frame(node_topic(NODE), Kind.WORK, NODE, 2**32 - 1, "c", pack_work(1, 2**32 - 1, 7, b"m"), 2**64 - 1),
        "01"
        + NODE_HEX
        + "12"
        + NODE_HEX
        + "ffffffff"
        + "ffffffffffffffff"
        + "0001"
        + "63"
        + "00000001"
        + "ffffffff"
        + "0000000000000007"
        + "6d",
    ),
]


@pytest.mark.parametrize(("frame", "wire"), TABLE)
def test_frames_are_these_bytes(frame: Frame, wire: str) -> None:
    """A frame becomes exactly these bytes."""
    packed = pack(*frame)

    assert packed.hex() == wire


@pytest.mark.parametrize(("frame", "wire"), TABLE)
def test_these_bytes_are_frames(frame: Frame, wire: str) -> None:
    """These bytes become exactly this frame."""
    assert parse(bytes.fromhex(wire)) == frame


def test_numbers_of_the_kinds_are_fixed() -> None:
    """A kind's number stands on the wire, so it never changes."""
    assert {kind.name: kind.value for kind in Kind} == {
        "HELLO": 1, "SYNCED": 2, "HEARTBEAT": 3, "GOODBYE": 4, "ECHO": 5, "TALLY": 6, "CEDED": 7, "CREDIT": 8,
        "RETURN": 9, "CONSUMED": 10, "ENDED": 11, "ASK": 12, "ANSWER": 13, "PULSE": 14, "REFUSAL": 15,
        "DIRECT": 16, "GROUP": 17, "WORK": 18, "BATCH": 19, "WORK_BATCH": 20,
    }  # fmt: skip


@quick
@given(topics, st.sampled_from(Kind), node_ids, st.integers(0, 2**32 - 1), channels, st.binary(max_size=50))
def test_frames_survive_the_wire(
    topic: bytes, kind: Kind, source: NodeId, ttl_ms: int, target: str, body: bytes
) -> None:
    """What was packed is what is parsed, whatever the fields hold."""
    wire = pack(topic, kind, source, ttl_ms, target, body)

    assert parse(wire) == Frame(topic, kind, source, ttl_ms, target, body)


@quick
@given(st.binary(max_size=120) | st.binary(min_size=HEADER_BYTES - 2, max_size=HEADER_BYTES + 3))
def test_garbage_is_a_frame_or_a_protocol_error(wire: bytes) -> None:
    """Any bytes become a frame that packs to the same bytes again, or raise ProtocolError and nothing else."""
    try:
        frame = parse(wire)
    except ProtocolError:
        return

    assert frame.topic == wire[:TOPIC_BYTES]
    assert wire.endswith(frame.target.encode() + frame.body)


@pytest.mark.parametrize("length", [0, 1, 17, HEADER_BYTES - 1])
def test_short_frames_are_refused(length: int) -> None:
    """A frame shorter than its header is refused with its length."""
    with pytest.raises(ProtocolError, match=f"a frame of {length} bytes is shorter than its header"):
        parse(bytes(length))


def test_targets_beyond_the_end_are_refused() -> None:
    """A frame that promises a longer target than it has bytes is refused with both numbers."""
    wire = pack(BROADCAST, Kind.DIRECT, NODE, 0, "abc", b"")

    with pytest.raises(ProtocolError, match="a frame of 50 bytes promises a target of 3"):
        parse(wire[:-1])


def test_targets_are_ascii() -> None:
    """A target of other bytes than ASCII is refused."""
    wire = pack(BROADCAST, Kind.DIRECT, NODE, 0, "a", b"")

    with pytest.raises(ProtocolError, match="not ASCII"):
        parse(wire[:-1] + b"\xe9")


def test_unknown_kinds_parse() -> None:
    """A kind of a later minor version parses, so that its receiver can ignore it."""
    wire = bytearray(pack(BROADCAST, Kind.HELLO, NODE, 0, "", b"x"))
    wire[TOPIC_BYTES] = 255

    assert parse(bytes(wire)).kind == 255


@quick
@given(links, links, st.integers(0, 2**64 - 1), st.binary(max_size=50))
def test_work_survives_the_wire(link: int, reader: int, number: int, body: bytes) -> None:
    """Whose credit a message spends and where it stood in its queue come back with it."""
    assert parse_work(pack_work(link, reader, number, body)) == (link, reader, number, body)


@pytest.mark.parametrize("length", [0, 1, 8, 15])
def test_short_work_is_refused(length: int) -> None:
    """A WORK body without room for its numbers is refused with its length."""
    with pytest.raises(ProtocolError, match=f"the body of a work frame has {length} bytes, not even 16"):
        parse_work(bytes(length))


batches = st.lists(st.binary(max_size=20), max_size=70)


def test_batches_are_these_bytes() -> None:
    """How many messages, how long each is, and the messages."""
    assert pack_batch([b"ab", b"", b"c"]).hex() == "0003" + "00000002" + "00000000" + "00000001" + "616263"


@quick
@given(batches)
def test_batches_survive_the_wire(bodies: list[bytes]) -> None:
    """The messages of a batch are those that were put into it, also empty ones, and also none."""
    assert parse_batch(pack_batch(bodies)) == bodies


@quick
@given(st.data(), batches)
def test_a_batch_of_another_length_is_refused(data: st.DataObject, bodies: list[bytes]) -> None:
    """Whatever is missing at its end, or is too much there."""
    body = pack_batch(bodies)
    cut = data.draw(st.integers(0, len(body) - 1))

    for spoiled in (body[:cut], body + data.draw(st.binary(min_size=1, max_size=5))):
        with pytest.raises(ProtocolError, match="the body of a batch"):
            parse_batch(spoiled)


@quick
@given(st.binary(max_size=60) | st.builds(lambda rest: b"\0\2" + bytes(7) + rest, st.binary(max_size=20)))
def test_garbage_is_a_batch_or_a_protocol_error(body: bytes) -> None:
    """Any bytes become messages that pack to the same bytes again, or raise ProtocolError and nothing else."""
    try:
        bodies = parse_batch(body)
    except ProtocolError:
        return

    assert pack_batch(bodies) == body


works = st.builds(
    Work,
    links,
    links,
    st.lists(st.tuples(st.integers(0, 2**64 - 1), links, st.binary(max_size=20)), min_size=1, max_size=70),
)


def test_work_batches_are_these_bytes() -> None:
    """Link, reader, how many messages; of all of them the numbers, the times to live, the lengths; the messages."""
    packed = pack_work_batch(Work(7, 8, [(1, 1000, b"ab"), (3, 999, b"c")]))

    assert packed.hex() == "".join([
        "00000007", "00000008", "0002",
        "0000000000000001", "0000000000000003", "000003e8", "000003e7", "00000002", "00000001", "616263",
    ])  # fmt: skip


@quick
@given(works)
def test_work_batches_survive_the_wire(work: Work) -> None:
    """What was put into it comes out of it."""
    assert parse_work_batch(pack_work_batch(work)) == work


@quick
@given(st.data(), works)
def test_a_work_batch_of_another_length_is_refused(data: st.DataObject, work: Work) -> None:
    """Whatever is missing at its end, or is too much there."""
    body = pack_work_batch(work)
    cut = data.draw(st.integers(0, len(body) - 1))

    for spoiled in (body[:cut], body + data.draw(st.binary(min_size=1, max_size=5))):
        with pytest.raises(ProtocolError, match=r"the body of a (work )?batch"):
            parse_work_batch(spoiled)


@quick
@given(node_ids, names)
def test_every_topic_has_one_length(node_id: NodeId, name: str) -> None:
    """ZeroMQ filters by prefix: with topics of one length, no subscription matches another topic."""
    topics = [BROADCAST, node_topic(node_id), barrier_topic(node_id[:8]), group_topic("c", name)]

    assert {len(topic) for topic in topics} == {TOPIC_BYTES}
    assert len(set(topics)) == len(topics)


@quick
@given(node_ids)
def test_node_topics_name_their_node(node_id: NodeId) -> None:
    """From a node's topic its id is read; it is the only kind that is not shared."""
    topic = node_topic(node_id)

    assert node_of(topic) == node_id
    assert not is_shared(topic)
    assert not is_barrier(topic)


@quick
@given(st.binary(min_size=8, max_size=8), st.none() | node_ids)
def test_barriers_are_known_by_their_mark(nonce: bytes, echoer: NodeId | None) -> None:
    """A barrier's topic is told from all others."""
    topic = barrier_topic(nonce, echoer)

    assert is_barrier(topic)
    assert is_shared(topic)
    assert node_of(topic) is None


def test_a_barrier_says_who_is_to_echo_it() -> None:
    """One node, known by the first half of its id, or all."""
    nonce, other = bytes(range(8)), NodeId(b"x" * 16)

    assert is_for(barrier_topic(nonce), NODE)
    assert is_for(barrier_topic(nonce, NODE), NODE)
    assert not is_for(barrier_topic(nonce, other), NODE)


@pytest.mark.parametrize("topic", [b"", b"\x01", b"\x03", b"\x01" + bytes(15), b"\x03" + bytes(17), BROADCAST])
def test_other_topics_are_neither(topic: bytes) -> None:
    """A topic of another mark or length is no node's and no barrier."""
    assert node_of(topic) is None
    assert not is_barrier(topic)


def test_group_topics_are_fixed() -> None:
    """A group's topic is the same in every version: two versions in one cluster must meet."""
    assert group_topic("default", "chat").hex() == "02c55444d3d3df22295845d63b0d892cf7"


def test_group_topics_differ_by_cluster() -> None:
    """Groups of the same name in two clusters have two topics, also where a cluster's name is very long."""
    assert group_topic("one", "chat") != group_topic("two", "chat")
    assert group_topic("one", "chat") != group_topic("one", "chat1")
    assert len(group_topic("ü" * 99, "chat")) == TOPIC_BYTES
