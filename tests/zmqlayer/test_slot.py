"""The slot of a node: filled once, empty in a child, and what the child's node takes over."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from support.doubles import fake_node
from zmqlayer.exceptions import LayerClosed
from zmqlayer.layer import AsyncLayer
from zmqlayer.names import process_prefix
from zmqlayer.node import Node
from zmqlayer.slot import NodeSlot
from zmqlayer.sync import SyncLayer

WITHIN_S = 5.0


@pytest.fixture
def built() -> Iterator[list[Any]]:
    """The nodes that were built; all that still run are closed in the end, abandoned ones at their thread's end."""
    nodes: list[Any] = []
    yield nodes
    for node in nodes:
        node.close()
        node.transport.wake()


@pytest.fixture
def slot(built: list[Any]) -> NodeSlot:
    """An empty slot for nodes without sockets."""

    def build() -> Node:
        built.append(node := fake_node())
        return node

    return NodeSlot(build)


def test_a_slot_is_filled_at_its_first_use(slot: NodeSlot, built: list[Any]) -> None:
    """One node, however many threads ask for it at once."""
    before = repr(slot), list(built)
    gate = threading.Barrier(8)

    def use() -> None:
        gate.wait(WITHIN_S)
        slot.node.start()

    users = [threading.Thread(target=use) for _ in range(8)]
    for user in users:
        user.start()
    for user in users:
        user.join(WITHIN_S)

    assert before == ("<NodeSlot [empty]>", [])
    assert (built, repr(slot)) == ([slot.node], "<NodeSlot [filled]>")


def test_an_empty_slot_can_be_renewed(slot: NodeSlot, built: list[Any]) -> None:
    """A layer that was only made is inherited as it is."""
    slot.renew()

    assert built == []
    assert slot.node.transport.opens == 0  # type: ignore[attr-defined]  # a double's
    slot.renew()
    assert built[0].transport.disowns == 0


def test_a_child_gets_a_node_of_its_own(slot: NodeSlot, built: list[Any]) -> None:
    """Another id and other sockets; the parent's are given up, but not closed."""
    layer = SyncLayer(slot)
    ids = [layer.node_id]

    slot.renew()
    ids.append(layer.node_id)

    assert ids[0] != ids[1]
    assert [node.transport.opens for node in built] == [1, 1]
    assert (built[0].transport.disowns, built[0].transport.closes) == (1, 0)


def test_both_faces_follow(slot: NodeSlot) -> None:
    """A blocking face that was taken before the fork has the child's node too."""
    layer = AsyncLayer(slot)
    face = layer.sync
    face.start()

    slot.renew()

    assert face.node is layer.node


def test_the_childs_node_takes_over_what_users_set(slot: NodeSlot) -> None:
    """The role, who wants to hear of peers, how far it reads ahead, and how its threads are to work."""
    heard: list[object] = []
    layer = SyncLayer(slot)
    layer.role = "worker"
    layer.read_ahead(16)
    layer.work_in_batches()
    layer.node.on_peer(heard.append)

    slot.renew()

    assert layer.role == "worker"
    assert layer.node._peer_callbacks == [heard.append]
    assert (layer.node.config.prefetch, layer.node.works_in_batches) == (16, True)


def test_what_was_closed_stays_closed(slot: NodeSlot, built: list[Any]) -> None:
    """A child cannot use a layer that its parent had closed."""
    slot.node.start()
    slot.node.close()

    slot.renew()

    with pytest.raises(LayerClosed):
        slot.node.start()
    assert len(built) == 1


def test_locks_that_were_held_hold_nobody_up(slot: NodeSlot) -> None:
    """At a fork any thread of the parent may hold a lock, which nobody in the child gives back."""
    slot.node.start()
    former = slot.node
    for lock in (slot._lock, former._life, former.pump._at_mesh, former.pump._at_sockets):
        lock.acquire()

    slot.renew()

    slot.node.start()
    former.close()
    former.pump._at_mesh.acquire(timeout=0)


def test_a_node_that_was_abandoned_stops_where_it_stands(slot: NodeSlot, built: list[Any]) -> None:
    """Its thread, if a callback forked on it, ends without a word to the sockets."""
    slot.node.start()
    thread = slot.node._thread

    slot.renew()
    built[0].transport.wake()
    thread.join(WITHIN_S)

    assert not thread.is_alive()
    assert built[0].transport.closes == 0


def test_names_are_sorted_out_anew(slot: NodeSlot) -> None:
    """A process channel of the parent is another process's channel in the child."""
    layer = SyncLayer(slot)
    channel = process_prefix("x!", layer.node_id) + "1"
    layer.receive([channel])

    slot.renew()

    with pytest.raises(TypeError, match="another process"):
        layer.receive([channel])


def test_a_layer_that_is_dropped_is_closed() -> None:
    """When the last face is gone the node ends, without anybody waiting for it."""
    node, own = build_started()
    face = AsyncLayer(own).sync
    del own
    gc.collect()
    before = node.is_closed

    del face
    gc.collect()
    node.transport.wake()
    node._thread.join(WITHIN_S)

    assert (before, node.is_closed, node.transport.closes) == (False, True, 1)


def test_a_dropped_layer_that_never_started_is_nothing() -> None:
    """There is no thread to end."""
    node = fake_node()
    slot = NodeSlot(lambda: node)
    assert slot.node is node

    del slot
    gc.collect()

    assert node.transport.opens == 0  # type: ignore[attr-defined]  # a double's


def build_started() -> tuple[Any, NodeSlot]:
    """Return a node that runs, and its slot."""
    node = fake_node()
    slot = NodeSlot(lambda: node)
    slot.node.start()
    return node, slot
