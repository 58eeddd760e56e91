"""The blocking face: what its waits do when nobody answers, or somebody else is faster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.doubles import FakeDiscovery, fake_node
from support.network import STRANGER, control, greeting
from zmqlayer.config import Timing
from zmqlayer.events import Completed
from zmqlayer.exceptions import NotReady
from zmqlayer.frames import Kind
from zmqlayer.mesh import Mesh
from zmqlayer.names import short
from zmqlayer.slot import NodeSlot
from zmqlayer.sync import SyncLayer


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
    node = fake_node()
    node.config = type(node.config)(discovery="off", timing=Timing(group_add_timeout_s=0.02))
    layer = SyncLayer(NodeSlot(lambda: node))
    layer.start()
    node.transport.arrive(control(STRANGER, Kind.HELLO, node, greeting(node.config.cluster_tag)))
    while not layer.peers():
        node.transport.wake()

    layer.group_add("room", layer.new_channel("reply!"))

    assert layer.peers() != []
    layer.close()


def test_a_pattern_makes_a_name(layer: Any) -> None:
    """The node's id stands in the name, whichever kind it is."""
    process, single = layer.new_channel("reply!"), layer.new_channel("body?")

    assert process.startswith("reply.")
    assert process.count("!") == single.count("?") == 1
