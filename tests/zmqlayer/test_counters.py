"""The counters: their names in a snapshot."""

from __future__ import annotations

import logging

import pytest

from support.strategies import node
from zmqlayer.counters import Counters, Drop
from zmqlayer.journal import Journal, Said
from zmqlayer.names import short

NODE = node(1)
JOURNAL = Journal(Said.write)


def test_a_fresh_node_has_counted_nothing() -> None:
    """Every counter is there from the start, at zero."""
    assert Counters(JOURNAL).snapshot() == {
        "accepted": 0, "arrived": 0, "delivered": 0, "expired": 0, "handed_over": 0, "refused": 0, "malformed": 0,
        "unreachable": 0, "ignored": 0,
    }  # fmt: skip


def test_drops_are_named_by_reason() -> None:
    """Drops stand behind the counters, each reason under its own name, in the order of the alphabet."""
    counters = Counters(JOURNAL)
    counters.accepted += 3
    counters.dropped["peer gone"] += 2
    counters.dropped["flushed"] += 1

    snapshot = counters.snapshot()

    assert snapshot["accepted"] == 3
    assert list(snapshot.items())[-2:] == [("dropped: flushed", 1), ("dropped: peer gone", 2)]


def test_a_snapshot_stays_as_it_was() -> None:
    """What is counted later does not change what was read before."""
    counters = Counters(JOURNAL)
    snapshot = counters.snapshot()

    counters.expired += 1
    counters.dropped["flushed"] += 1

    assert snapshot == Counters(JOURNAL).snapshot()


@pytest.mark.parametrize("reason", ["channel closed", "withdrawn"])
def test_what_happens_every_day_is_no_warning(caplog: pytest.LogCaptureFixture, reason: str) -> None:
    """A browser that leaves is counted, and can be seen at DEBUG."""
    counters = Counters(JOURNAL)

    with caplog.at_level(logging.DEBUG, "zmqlayer"):
        counters.drop(Drop(reason, "http.request"), now=0.0)

    assert caplog.record_tuples == [("zmqlayer", logging.DEBUG, f"dropped 1 message for 'http.request': {reason}")]
    assert counters.dropped == {reason: 1}


def test_a_drop_is_named_in_the_log_at_once_and_then_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """A flood of drops is one line a minute for each reason, with its count, the channel and the cure."""
    counters = Counters(JOURNAL)
    drop = Drop("member full", "chat.x!1", NODE, "read faster")

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        for n in range(1000):
            counters.drop(drop, now=n / 1000)
        counters.drop(Drop("flushed"), now=2.0, count=3)
        counters.sweep(59.0)
        counters.sweep(60.0)
        counters.sweep(119.0)
        counters.sweep(120.0)
        counters.drop(drop, now=130.0)

    one = f"for 'chat.x!1' (peer {short(NODE)}): member full; read faster"
    assert caplog.messages == [
        f"dropped 1 message {one}",
        "dropped 3 messages: flushed",
        f"dropped 999 messages {one}",
        f"dropped 1 message {one}",
    ]
    assert counters.dropped == {"member full": 1001, "flushed": 3}
    assert counters.dropped_by_peer == {(NODE, "member full"): 1001}


def test_a_peer_that_returns_was_not_lost() -> None:
    """What was counted as lost with a peer is taken back, in the sum and for the peer."""
    counters = Counters(JOURNAL)
    counters.drop(Drop("peer gone", peer=NODE), 0.0, 5)

    counters.restore("peer gone", NODE, 5)

    assert "dropped: peer gone" not in counters.snapshot()
    assert counters.dropped_by_peer[NODE, "peer gone"] == 0


def test_drops_are_listed_by_peer() -> None:
    """Without those that were taken back."""
    counters = Counters(JOURNAL)
    counters.drop(Drop("peer gone", peer=NODE), 0.0, 5)
    counters.drop(Drop("flushed", peer=NODE), 0.0, 2)
    counters.restore("peer gone", NODE, 5)

    assert counters.drops() == {(NODE, "flushed"): 2}


def test_the_drops_of_a_peer_that_is_forgotten_stay_in_the_sum() -> None:
    """What is kept per peer ends with its account."""
    counters = Counters(JOURNAL)
    counters.drop(Drop("peer gone", peer=NODE), 0.0, 5)

    counters.forget(NODE)

    assert not counters.dropped_by_peer
    assert counters.snapshot()["dropped: peer gone"] == 5
