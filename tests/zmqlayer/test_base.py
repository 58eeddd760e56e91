"""What both faces of a layer share: names sorted out, settings shown, messages opened."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from support.doubles import fake_node
from support.network import STRANGER
from zmqlayer.base import LOCAL_BYTES, LOCALS_AT_ONCE, BaseLayer
from zmqlayer.codec import encode
from zmqlayer.events import Interest
from zmqlayer.exceptions import InvalidName
from zmqlayer.names import encode_node_id
from zmqlayer.queues import Letter
from zmqlayer.slot import NodeSlot


@pytest.fixture
def layer() -> Iterator[Any]:
    """A layer on a node without sockets."""
    layer = BaseLayer(NodeSlot(partial(fake_node, cluster="red", expiry=5, group_expiry=50, capacity=7)))
    yield layer
    layer.node.close()


def test_a_layer_shows_its_settings(layer: Any) -> None:
    """What workers and servers want to know of a layer, without its node."""
    assert (layer.cluster, layer.expiry, layer.group_expiry, layer.capacity) == ("red", 5, 50, 7)
    assert repr(layer) == "<BaseLayer of cluster 'red'>"


def test_a_role_is_set_before_the_start(layer: Any) -> None:
    """A command says what its node is for."""
    layer.role = "worker"

    assert (layer.role, layer.node.role) == ("worker", "worker")


def test_a_layer_says_where_it_is(layer: Any) -> None:
    """The id and the address start the node."""
    assert layer.node_id == layer.node.node_id
    assert layer.address == "tcp://127.0.0.1:1"


def test_interests_are_sorted_out(layer: Any) -> None:
    """Own process channels are read from mailboxes; all others, by their inbox and sorted, for credit."""
    own = f"x.{encode_node_id(layer.node_id)}!1"

    interest = layer._interest((own, "b", "a", "anything!x", "body?1", "a"))

    assert interest.starting_with(0) == Interest((own,), ("a", "anything!", "b", "body?1"))


def test_a_process_channel_of_another_cannot_be_read(layer: Any) -> None:
    """Its messages come to its owner only."""
    with pytest.raises(InvalidName, match="another process"):
        layer._interest((f"x.{encode_node_id(STRANGER)}!1",))


def test_a_letter_that_holds_no_message_is_its_senders_fault(layer: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The reader gets nothing; the fault is counted."""
    layer.start()

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        message = layer.open_letter(Letter("jobs", b"\xc1", 0.0, STRANGER))

    assert message is None
    assert layer.statistics()["malformed"] == 1
    assert len(caplog.records) == 1


def test_no_name_is_given_twice(layer: Any) -> None:
    """Not within what the kernel gave at once, nor beyond it; threads may ask at the same time."""
    with ThreadPoolExecutor(4) as threads:
        names = set(threads.map(layer._name_channel, ["x!"] * (5 * LOCALS_AT_ONCE)))

    assert len(names) == 5 * LOCALS_AT_ONCE
    assert {len(name) for name in names} == {len(f"x.{encode_node_id(layer.node_id)}!") + 2 * LOCAL_BYTES}


def test_a_closed_channel_is_empty(layer: Any) -> None:
    """close_channel drops what is unread and checks the name."""
    channel = f"x.{encode_node_id(layer.node_id)}!1"
    layer.node.send(channel, encode(channel, {"n": 1}, 1_000))

    layer.close_channel(channel)

    assert layer.statistics()["dropped: channel closed"] == 1
    with pytest.raises(InvalidName):
        layer.close_channel("a b")


def test_peers_are_listed_and_followed(layer: Any) -> None:
    """A layer passes on what its node knows of peers."""
    layer.on_peer(lambda change: None)

    assert layer.peers() == []
