"""Batches: what fits into one frame, and what the frame is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.strategies import node
from zmqlayer.actions import Publish, Push
from zmqlayer.batches import MOST_BATCH_BYTES, MOST_IN_BATCH, MailBatch, WorkBatch
from zmqlayer.frames import (
    FRAME_SLACK,
    Frame,
    Kind,
    Work,
    node_topic,
    pack_work,
    parse,
    parse_batch,
    parse_work_batch,
)
from zmqlayer.names import MAX_NAME_LENGTH
from zmqlayer.peers import Peer
from zmqlayer.queues import Letter

HERE, OWNER = node(9), node(1)
PEER = Peer(
    node_id=OWNER, role="worker", pull="tcp://127.0.0.1:1", pub="", our_link=1, their_link=7, found_at=0.0, heard_at=0.0
)


def letter(number: int, body: bytes = b"m") -> Letter:
    """Return a message of a named channel."""
    return Letter("jobs", body, 60.0, HERE, number=number)


def test_mail_that_follows_fits_in() -> None:
    """The next message to the same channel, with the same time to live; none with another place or time."""
    batch = MailBatch(OWNER, "x!1", 1000, 5, b"a")

    assert batch.add("x!1", 1000, 6, b"b")
    assert not batch.add("x!2", 1000, 7, b"c")
    assert not batch.add("x!1", 999, 7, b"c")
    assert not batch.add("x!1", 1000, 8, b"c")
    action = batch.pack(HERE)
    assert isinstance(action, Publish)
    frame = parse(action.wire)
    assert (frame.kind, frame.sequence, parse_batch(frame.body)) == (Kind.BATCH, 5, [b"a", b"b"])


def test_work_that_follows_fits_in() -> None:
    """The next message of the same channel for the same reader, whatever its number and time to live."""
    batch = WorkBatch(PEER, 8, letter(3, b"a"), 1000, 5)

    assert batch.add(PEER, 8, letter(9, b"b"), 500, 6)
    assert not batch.add(PEER, 9, letter(10), 500, 7)
    assert not batch.add(PEER, 8, replace(letter(10), channel="other"), 500, 7)
    assert not batch.add(PEER, 8, letter(10), 500, 8)
    action = batch.pack(HERE)
    assert isinstance(action, Push)
    frame = parse(action.wire)
    assert (action.address, frame.kind, frame.sequence) == (PEER.pull, Kind.WORK_BATCH, 5)
    assert parse_work_batch(frame.body) == Work(7, 8, [(3, 1000, b"a"), (9, 500, b"b")])


def test_one_message_is_no_batch() -> None:
    """It is the frame that it always was."""
    mail, work = MailBatch(OWNER, "x!1", 1000, 5, b"a").pack(HERE), WorkBatch(PEER, 8, letter(3), 1000, 5).pack(HERE)

    assert parse(mail.wire) == Frame(node_topic(OWNER), Kind.DIRECT, HERE, 1000, "x!1", b"a", 5)
    assert parse(work.wire) == Frame(node_topic(OWNER), Kind.WORK, HERE, 1000, "jobs", pack_work(7, 8, 3, b"m"), 5)


@pytest.mark.parametrize(("size", "fit"), [(1, MOST_IN_BATCH), (MOST_BATCH_BYTES // 4, 4), (MOST_BATCH_BYTES, 1)])
def test_a_batch_is_bounded(size: int, fit: int) -> None:
    """By number and by bytes."""
    mail, work = MailBatch(OWNER, "x!1", 1000, 1, bytes(size)), WorkBatch(PEER, 8, letter(1, bytes(size)), 1000, 1)
    places = range(2, MOST_IN_BATCH + 2)

    assert sum(mail.add("x!1", 1000, place, bytes(size)) for place in places) == fit - 1
    assert sum(work.add(PEER, 8, letter(place, bytes(size)), 1000, place) for place in places) == fit - 1


@pytest.mark.parametrize("size", [1, 100, 1000, 1024, 1100, MOST_BATCH_BYTES])
def test_no_batch_is_larger_than_a_frame_may_be(size: int) -> None:
    """Also where no message may be larger than these are, and the channel's name is as long as can be."""
    body, name = bytes(size), MAX_NAME_LENGTH * "x"
    mail = MailBatch(OWNER, name, 1000, 1, body)
    work = WorkBatch(PEER, 8, replace(letter(1, body), channel=name), 1000, 1)
    for place in range(2, MOST_IN_BATCH + 2):
        mail.add(name, 1000, place, body)
        work.add(PEER, 8, replace(letter(place, body), channel=name), 1000, place)

    assert max(len(mail.pack(HERE).wire), len(work.pack(HERE).wire)) <= size + FRAME_SLACK
