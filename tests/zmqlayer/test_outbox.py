"""The outbox: what was decided, in order, once."""

from __future__ import annotations

import math
from typing import Any

import pytest

from support.strategies import node
from zmqlayer.actions import Publish, Push, Subscribe, Unsubscribe
from zmqlayer.batches import MOST_BATCH_BYTES, MOST_IN_BATCH
from zmqlayer.codec import pack_control
from zmqlayer.frames import (
    BROADCAST,
    Frame,
    Kind,
    Work,
    barrier_topic,
    node_topic,
    parse,
    parse_batch,
    parse_work,
    parse_work_batch,
)
from zmqlayer.names import NodeId, process_prefix
from zmqlayer.outbox import LOOK_BACK, Outbox
from zmqlayer.peers import Peer
from zmqlayer.queues import Letter

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
    outbox, barrier = Outbox(HERE), barrier_topic(bytes(8))

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


# Work

LINK, READER = 7, 8


def peer(node_id: NodeId = PEER, link: int = LINK) -> Peer:
    """Return a peer to which work is pushed."""
    address = f"tcp://127.0.0.1:{node_id[0]}"
    return Peer(
        node_id=node_id, role="worker", pull=address, pub="", our_link=1, their_link=link, found_at=0.0, heard_at=0.0
    )


def work(outbox: Outbox, sequence: int, body: bytes = b"m", **changes: Any) -> None:
    """Push one message to a reader of a peer; its number is ten times its sequence."""
    letter = Letter(changes.get("channel", "jobs"), body, 60.0, HERE, number=10 * sequence)
    to, reader, ttl_ms = changes.get("to", peer()), changes.get("reader", READER), changes.get("ttl_ms", 1000)
    outbox.work(to, reader, letter, ttl_ms, sequence)


def pushed(outbox: Outbox) -> list[tuple[str, list[int]]]:
    """Take what was decided: for each frame of work the address and the sequences, and what any other action is."""
    taken: list[tuple[str, list[int]]] = []
    for action in outbox.take():
        if not isinstance(action, Push):
            taken.append((type(action).__name__, []))
            continue
        frame = parse(action.wire)
        count = 1 if frame.kind == Kind.WORK else len(parse_work_batch(frame.body).items)
        assert (count == 1) == (frame.kind == Kind.WORK)
        taken.append((action.address, list(range(frame.sequence, frame.sequence + count))))
    return taken


def test_work_in_a_row_leaves_in_one_frame() -> None:
    """Each message keeps its number and its time to live; the frame bears the place of the first."""
    outbox = Outbox(HERE)
    for sequence, body in ((5, b"a"), (6, b""), (7, b"ccc")):
        work(outbox, sequence, body, ttl_ms=100 * sequence)

    (action,) = outbox.take()

    assert isinstance(action, Push)
    assert action.address == peer().pull
    frame = parse(action.wire)
    assert frame == Frame(node_topic(PEER), Kind.WORK_BATCH, HERE, 0, "jobs", frame.body, 5)
    assert parse_work_batch(frame.body) == Work(LINK, READER, [(50, 500, b"a"), (60, 600, b""), (70, 700, b"ccc")])


def test_one_piece_of_work_alone_is_no_batch() -> None:
    """It leaves as it always did."""
    outbox = Outbox(HERE)
    work(outbox, 5, b"a")

    (action,) = outbox.take()

    assert isinstance(action, Push)
    frame = parse(action.wire)
    assert frame == Frame(node_topic(PEER), Kind.WORK, HERE, 1000, "jobs", frame.body, 5)
    assert parse_work(frame.body) == (LINK, READER, 50, b"a")


def test_peers_that_take_turns_have_a_frame_each() -> None:
    """A message joins the last batch for its own peer, past what is for others, or is published."""
    outbox, other = Outbox(HERE), peer(OTHER)
    for sequence in range(1, 4):
        work(outbox, sequence)
        work(outbox, sequence, to=other)
        outbox.do(Publish(b""))
        mail(outbox, sequence)

    assert pushed(outbox)[:2] == [(peer().pull, [1, 2, 3]), (other.pull, [1, 2, 3])]


@pytest.mark.parametrize("between", [Push(peer().pull, b""), Subscribe(b"a")], ids=["to the peer", "anything else"])
def test_work_overtakes_nothing_that_is_pushed(between: Push | Subscribe) -> None:
    """What was decided between two messages leaves between them."""
    outbox = Outbox(HERE)
    work(outbox, 1)
    outbox.do(between)
    work(outbox, 2)
    work(outbox, 3)

    actions = outbox.take()

    assert actions[1] == between
    assert [parse(action.wire).sequence for action in (actions[0], actions[2]) if isinstance(action, Push)] == [1, 2]


@pytest.mark.parametrize(
    "changes",
    [{"channel": "other"}, {"reader": 9}, {"to": peer(link=LINK + 1)}, {"sequence": 8}],
    ids=["another channel", "another reader", "another link", "a gap"],
)
def test_work_that_differs_has_a_frame_of_its_own(changes: dict[str, Any]) -> None:
    """A frame has one channel and one reader, and no gaps."""
    outbox = Outbox(HERE)
    work(outbox, 5)
    work(outbox, 6)
    work(outbox, **{"sequence": 7, **changes})
    work(outbox, 9)

    assert pushed(outbox)[0][1] == [5, 6]


def test_a_batch_of_work_is_looked_for_among_the_last_actions() -> None:
    """A node with very many readers that take turns does not search for long."""
    outbox = Outbox(HERE)
    work(outbox, 1)
    for _ in range(LOOK_BACK):
        outbox.do(Publish(b""))
    work(outbox, 2)

    assert len([each for each in pushed(outbox) if each[1]]) == 2


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((1,) * (MOST_IN_BATCH + 1), [MOST_IN_BATCH, 1]),
        ((MOST_BATCH_BYTES - 1, 1, 1), [2, 1]),
        ((1, MOST_BATCH_BYTES + 1, 1), [1, 1, 1]),
    ],
)
def test_a_batch_of_work_is_bounded(sizes: tuple[int, ...], expected: list[int]) -> None:
    """What is more begins another one."""
    outbox = Outbox(HERE)
    for sequence, size in enumerate(sizes, 1):
        work(outbox, sequence, bytes(size))

    assert [len(sequences) for _, sequences in pushed(outbox)] == expected
