"""Dues: reports wait for one another, unless their sender may wait for room; who is gone hears none."""

from __future__ import annotations

import math
from typing import Any

import pytest

from support.strategies import node
from zmqlayer.actions import Publish
from zmqlayer.codec import unpack_control
from zmqlayer.config import Config
from zmqlayer.dues import Dues
from zmqlayer.frames import Kind, node_of, parse
from zmqlayer.ledger import Ledger
from zmqlayer.names import NodeId
from zmqlayer.outbox import Outbox

HERE, PEER, OTHER = node(9), node(1), node(2)
CAPACITY = 4
LATER = Config(capacity=CAPACITY).timing.settle_every_s


class Desk:
    """Dues to some peers, and what was reported of them."""

    def __init__(self, *peers: NodeId) -> None:
        self.outbox = Outbox(HERE)
        self.ledger = Ledger(10)
        known: Any = dict.fromkeys(peers, "a peer")  # all that is asked of it is who is there
        self.dues = Dues(Config(capacity=CAPACITY), self.outbox, known, self.ledger)

    def reported(self) -> list[tuple[NodeId | None, dict[str, Any]]]:
        """Return who was told what since the last call."""
        told = []
        for action in self.outbox.take():
            assert isinstance(action, Publish)
            frame = parse(action.wire)
            assert frame.kind == Kind.CONSUMED
            told.append((node_of(frame.topic), unpack_control(frame.body)))
        return told


def test_reports_wait_for_one_another() -> None:
    """What three channels have to tell goes out together, when the first has waited long enough."""
    desk = Desk(PEER)
    for sequence, channel in enumerate(["a", "b", "c"], 1):
        desk.dues.read(PEER, channel, sequence, now=sequence / 1000)

    assert desk.dues.next_at() == desk.outbox.tick_by == pytest.approx(0.001 + LATER)
    desk.dues.tick(LATER)
    assert desk.reported() == []
    desk.dues.tick(0.001 + LATER)

    (peer, payload), *others = desk.reported()
    assert (peer, payload["read"], others) == (PEER, [["a", 1], ["b", 2], ["c", 3]], [])
    assert desk.dues.next_at() == math.inf


def test_half_a_channel_is_told_at_once() -> None:
    """Its sender may wait for room; with nothing else to say the report is short, and counts begin anew."""
    desk = Desk(PEER)

    desk.dues.read(PEER, "a", 2, now=0)
    assert desk.reported() == []
    desk.dues.read(PEER, "a", 1, now=0)

    assert desk.reported() == [(PEER, {"read": [["a", 2]]})]
    desk.dues.read(PEER, "a", 3, now=0)
    assert desk.reported() == []


def test_who_is_not_there_is_not_told() -> None:
    """Nor who was forgotten in between; the others hear what stands in their accounts."""
    desk = Desk(PEER, OTHER)
    account = desk.ledger.of(PEER)
    account.finished = 7
    assert account.mail.admit(1)
    assert account.mail.admit(3)

    desk.dues.owe(PEER, 0)
    desk.dues.closed(OTHER, "gone", 0)
    desk.dues.read(OTHER, "a", 1, 0)
    desk.dues.owe(node(3), 0)
    desk.dues.forget(OTHER)
    desk.dues.tick(LATER)

    assert desk.reported() == [(PEER, {"done": 7, "seen": 3, "missed": [1, 0], "gaps": [[2, 2]]})]


def test_closed_channels_follow_the_numbers() -> None:
    """Each is named once, in a frame of its own."""
    desk = Desk(PEER)
    for channel in ("a", "b", "a"):
        desk.dues.closed(PEER, channel, 0)

    desk.dues.tick(LATER)
    first, second = desk.reported()
    desk.dues.owe(PEER, 1)
    desk.dues.tick(2)

    assert "closed" not in first[1]
    assert second == (PEER, {"closed": ["a", "b"]})
    assert ["closed" in payload for _, payload in desk.reported()] == [False]
