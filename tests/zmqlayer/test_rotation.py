"""Secrets that change while the mesh runs: rolling restarts on the network in memory, and who is refused."""

from __future__ import annotations

import logging

import pytest

from support.network import assert_meshed, numbered
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.peers import PeerState
from zmqlayer.ports import Candidate

OLD, NEW, OTHER = "the old secret of all", "the new secret of all", "another one's secret"
GONE = PeerState.GONE


def start(network: MemoryNetwork, name: str, *secrets: str, seed: MemoryNode | None = None) -> MemoryNode:
    """Start a node that discovery tells of all others, or that has only a seed."""
    hints = None if seed is None else []
    node = network.add(name, secrets=list(secrets), bind="127.0.0.1", hints=hints)
    if seed is not None:
        node.mesh.found(Candidate(seed.pull), network.now)
        network.pump(node)
    network.run(3.0)
    return node


def restart(network: MemoryNetwork, node: MemoryNode, *secrets: str, seed: MemoryNode | None = None) -> MemoryNode:
    """End a node in order and start its successor at the same address."""
    node.leave()
    network.run(3.0)
    return start(network, node.name, *secrets, seed=seed)


def live(network: MemoryNetwork) -> list[MemoryNode]:
    """Return the nodes that run."""
    return [node for node in network.nodes.values() if node.is_alive]


def test_a_rolling_restart_unlinks_nobody() -> None:
    """From [old] to [new, old] to [new], one node at a time: at every step each pair that runs is linked."""
    network = MemoryNetwork(seed=3)
    for name in "abcd":
        start(network, name, OLD)

    for secrets in ((NEW, OLD), (NEW,)):
        for name in "abcd":
            staying = [node for node in live(network) if node.name != name]
            restart(network, network.nodes[name], *secrets)
            assert_meshed(*live(network))
            assert not [one.name for one in staying for two in staying if one is not two and GONE in one.changes(two)]


def test_fixed_addresses_need_a_step_more() -> None:
    """With seeds the port belongs to the primary secret: all accept the new one before any makes it primary."""
    network = MemoryNetwork(seed=4)
    seed = start(network, "a", OLD)
    for name in "bcd":
        start(network, name, OLD, seed=seed)
    assert_meshed(*live(network))

    for secrets in ((OLD, NEW), (NEW, OLD), (NEW,)):
        for name in "abcd":
            restart(network, network.nodes[name], *secrets, seed=network.nodes["b" if name == "a" else "a"])
            assert_meshed(*live(network))


def test_gossip_names_the_door_that_fits() -> None:
    """Who has only the old secret learns from a peer with both where a third one listens for the old."""
    network = MemoryNetwork(seed=5)
    both = start(network, "a", NEW, OLD)
    also_both = start(network, "b", NEW, OLD, seed=both)
    old = network.add("c", secrets=[OLD], bind="127.0.0.1", hints=[])
    old.mesh.found(Candidate(f"tcp://a:{both.doors[1].pull}"), network.now)
    network.pump(old)

    network.run(3.0)

    assert_meshed(both, also_both, old)
    assert set(old.subs) == {f"tcp://a:{both.doors[1].pub}", f"tcp://b:{also_both.doors[1].pub}"}


def test_messages_flow_between_old_and_new() -> None:
    """A node in the middle of the change speaks with both sides, each once."""
    network = MemoryNetwork(seed=6)
    old, both, new = start(network, "a", OLD), start(network, "b", NEW, OLD), start(network, "c", NEW)
    channels = [node.new_channel() for node in (old, new)]
    for node, channel in zip((old, new), channels, strict=True):
        node.group_add("all", channel)
    network.run(1.0)

    for n in range(10):
        both.group_send("all", {"n": n})
        for channel in channels:
            both.send(channel, {"n": 100 + n})
    network.run(1.0)

    expected = [number for n in range(10) for number in (n, 100 + n)]
    assert [numbered(node, channel) for node, channel in zip((old, new), channels, strict=True)] == [expected] * 2
    assert old.sees(new) is None


def test_two_doors_make_one_link() -> None:
    """Nodes that share two secrets find each other at two addresses, and subscribe at one."""
    network = MemoryNetwork(seed=7)
    a, b = start(network, "a", NEW, OLD), network.add("b", secrets=[NEW, OLD], bind="127.0.0.1", hints=[])
    for node, other in ((a, b), (b, a)):
        for door in other.doors:
            node.mesh.found(Candidate(f"tcp://{other.name}:{door.pull}", other.node_id, door.tag), network.now)
        network.pump(node)

    network.run(5.0)

    assert_meshed(a, b)
    assert (len(a.subs), len(b.subs), len(a.pushes), len(b.pushes)) == (1, 1, 1, 1)


def test_a_hint_for_another_secret_is_not_dialled() -> None:
    """What mDNS names under a foreign tag costs nothing."""
    network = MemoryNetwork(seed=8)
    a, b = start(network, "a", NEW), network.add("b", secrets=[OTHER], bind="127.0.0.1", hints=[])

    b.mesh.found(Candidate(a.pull, a.node_id, a.doors[0].tag), network.now)
    network.pump(b)
    network.run(5.0)

    assert b.pushes == {}


def test_a_wrong_secret_is_told_on_both_sides(caplog: pytest.LogCaptureFixture) -> None:
    """Within two seconds each side has one line that names the other and the cure; they never link."""
    network = MemoryNetwork(seed=9)
    a = start(network, "a", OLD)
    with caplog.at_level(logging.WARNING, "zmqlayer"):
        b = network.add("b", secrets=[OTHER], bind="127.0.0.1", hints=[a])
        network.run(2.0)

    assert sorted(message.partition(":")[0] for message in caplog.messages) == ["refused b", "tcp"]
    assert all("give all nodes of the cluster the same secret" in message for message in caplog.messages)

    network.run(50.0)
    assert len(caplog.messages) == 2
    assert (a.sees(b), b.sees(a)) == (None, None)


def test_a_seed_that_takes_the_second_secret_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    """A node with two secrets that gets through with one of them has nothing to complain of."""
    network = MemoryNetwork(seed=10)
    a = start(network, "a", OLD)

    b = start(network, "b", NEW, OLD, seed=a)

    assert_meshed(a, b)
    assert not [message for message in caplog.messages if "this node:" in message and a.pull in message]
