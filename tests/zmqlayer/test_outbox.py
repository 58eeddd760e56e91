"""The outbox: what was decided, in order, once."""

from __future__ import annotations

import math
from typing import Any

import pytest

from support.strategies import node
from zmqlayer.actions import Publish, Subscribe, Unsubscribe
from zmqlayer.codec import pack_control
from zmqlayer.frames import BROADCAST, Frame, Kind, barrier_topic, node_topic, parse, parse_batch
from zmqlayer.names import NodeId, process_prefix
from zmqlayer.outbox import MOST_BATCH_BYTES, MOST_IN_BATCH, Outbox

HERE, PEER, OTHER = node(9), node(1), node(2)


def channel_of(owner: NodeId, local: str = "1") -> str:
    """Return a process channel of *owner*."""
    return process_prefix("x!", owner) + local


def mail(outbox: Outbox, sequence: int, body: bytes = b"m", *, local: str = "1", **changes: Any) -> None:
    """Publish one message to a channel of the peer."""
    owner = changes.get("owner", PEER)
    outbox.mail(owner, channel_of(owner, local), changes.get("ttl_ms", 1000), sequence, body)


def messages(outbox: Outbox) -> list[list[tuple[int, bytes]]]:
    """Take what was decided: for each message frame its (sequence, body), and nothing for any other action."""
    taken: list[list[tuple[int, bytes]]] = []
    for action in outbox.take():
        if not isinstance(action, Publish):
            taken.append([])
            continue
        frame = parse(action.wire)
        assert frame.kind in (Kind.DIRECT, Kind.BATCH)
        bodies = [frame.body] if frame.kind == Kind.DIRECT else parse_batch(frame.body)
        assert (len(bodies) == 1) == (frame.kind == Kind.DIRECT)
        taken.append(list(enumerate(bodies, frame.sequence)))
    return taken


def test_actions_are_taken_once_in_order() -> None:
    """What was decided comes out in that order, once; what is decided later comes out later."""
    outbox = Outbox(HERE)
    outbox.do(Subscribe(b"a"))
    outbox.do(Unsubscribe(b"a"))

    assert outbox.take() == [Subscribe(b"a"), Unsubscribe(b"a")]
    assert outbox.take() == []
    outbox.do(Subscribe(b"b"))
    assert outbox.take() == [Subscribe(b"b")]


def test_an_outbox_is_true_while_it_holds_something() -> None:
    """Whether there is anything to do is asked without taking it."""
    outbox = Outbox(HERE)
    assert not outbox

    outbox.do(Subscribe(b"a"))
    assert outbox

    outbox.take()
    assert not outbox


def test_the_earliest_tick_counts() -> None:
    """Of all parts that want to be ticked the first decides."""
    outbox = Outbox(HERE)
    assert outbox.tick_by == math.inf

    for at in (5.0, 3.0, 4.0):
        outbox.call_by(at)

    assert outbox.tick_by == 3.0


def test_control_frames_are_from_this_node() -> None:
    """Control frames go to a topic, to one peer or to all, from this node, with the payload as msgpack."""
    outbox, barrier = Outbox(HERE), barrier_topic(bytes(16))

    outbox.control(barrier, Kind.ECHO, {})
    outbox.tell(PEER, Kind.ASK, {"a": b"1"})
    outbox.tell_all(Kind.GOODBYE, {"a": "1"})

    assert [parse(action.wire) for action in outbox.take() if isinstance(action, Publish)] == [
        Frame(barrier, Kind.ECHO, HERE, 0, "", pack_control({})),
        Frame(node_topic(PEER), Kind.ASK, HERE, 0, "", pack_control({"a": b"1"})),
        Frame(BROADCAST, Kind.GOODBYE, HERE, 0, "", pack_control({"a": "1"})),
    ]


# Mail


def test_mail_in_a_row_leaves_in_one_frame() -> None:
    """Messages to one channel that follow each other are one BATCH, which bears the place of the first."""
    outbox = Outbox(HERE)
    for sequence, body in ((5, b"a"), (6, b""), (7, b"ccc")):
        mail(outbox, sequence, body)

    (action,) = outbox.take()

    assert isinstance(action, Publish)
    frame = parse(action.wire)
    assert frame == Frame(node_topic(PEER), Kind.BATCH, HERE, 1000, channel_of(PEER), frame.body, 5)
    assert parse_batch(frame.body) == [b"a", b"", b"ccc"]


def test_one_message_alone_is_no_batch() -> None:
    """It leaves as it always did."""
    outbox = Outbox(HERE)
    mail(outbox, 5, b"a")

    (action,) = outbox.take()

    assert isinstance(action, Publish)
    assert parse(action.wire) == Frame(node_topic(PEER), Kind.DIRECT, HERE, 1000, channel_of(PEER), b"a", 5)


@pytest.mark.parametrize("sequence", [8, 6, 5], ids=["a gap", "the same again", "an earlier one"])
def test_another_place_in_the_sequence_begins_a_frame(sequence: int) -> None:
    """Places in a frame have no gaps; what follows joins the last frame."""
    outbox = Outbox(HERE)
    for place in (5, 6, sequence, sequence + 1):
        mail(outbox, place)

    assert messages(outbox) == [[(5, b"m"), (6, b"m")], [(sequence, b"m"), (sequence + 1, b"m")]]


@pytest.mark.parametrize(
    "changes",
    [{"local": "2"}, {"ttl_ms": 999}, {"owner": OTHER}],
    ids=["another channel", "another time to live", "another peer"],
)
def test_what_differs_has_a_frame_of_its_own(changes: dict[str, Any]) -> None:
    """A frame has one target and one time to live."""
    outbox = Outbox(HERE)
    mail(outbox, 5)
    mail(outbox, 6)
    mail(outbox, 7, b"another", **changes)
    mail(outbox, 8)
    mail(outbox, 9)

    assert messages(outbox) == [[(5, b"m"), (6, b"m")], [(7, b"another")], [(8, b"m"), (9, b"m")]]


def test_mail_overtakes_nothing() -> None:
    """What was decided between two messages leaves between them."""
    outbox = Outbox(HERE)
    mail(outbox, 1)
    mail(outbox, 2)
    outbox.do(Subscribe(b"a"))
    mail(outbox, 3)

    assert messages(outbox) == [[(1, b"m"), (2, b"m")], [], [(3, b"m")]]


def test_what_was_taken_is_not_added_to() -> None:
    """A message that comes after a batch has left begins another one."""
    outbox = Outbox(HERE)
    mail(outbox, 1)
    before = messages(outbox)
    mail(outbox, 2)

    assert (before, messages(outbox)) == ([[(1, b"m")]], [[(2, b"m")]])


def test_a_batch_holds_a_bounded_number() -> None:
    """What is more begins another one."""
    outbox = Outbox(HERE)
    for sequence in range(1, 2 * MOST_IN_BATCH + 2):
        mail(outbox, sequence)

    taken = messages(outbox)

    assert [len(each) for each in taken] == [MOST_IN_BATCH, MOST_IN_BATCH, 1]
    assert [sequence for each in taken for sequence, _ in each] == list(range(1, 2 * MOST_IN_BATCH + 2))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((MOST_BATCH_BYTES - 1, 1, 1), [2, 1]),
        ((MOST_BATCH_BYTES, 1), [1, 1]),
        ((MOST_BATCH_BYTES + 1, 1, 1), [1, 2]),
        ((1, MOST_BATCH_BYTES + 1, 1), [1, 1, 1]),
    ],
)
def test_a_batch_holds_a_bounded_size(sizes: tuple[int, ...], expected: list[int]) -> None:
    """Messages with more bytes than that leave alone."""
    outbox = Outbox(HERE)
    for sequence, size in enumerate(sizes, 1):
        mail(outbox, sequence, bytes(size))

    assert [len(each) for each in messages(outbox)] == expected
