"""The outbox: what was decided, in order, once."""

from __future__ import annotations

import math

from support.strategies import node
from zmqlayer.actions import Publish, Subscribe, Unsubscribe
from zmqlayer.codec import pack_control
from zmqlayer.frames import BROADCAST, Frame, Kind, barrier_topic, node_topic, parse
from zmqlayer.outbox import Outbox

HERE, PEER = node(9), node(1)


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
