"""Gossip: which peers a node names to others, and that one seed in common is enough for a whole mesh."""

from __future__ import annotations

import random
from typing import Any

import pytest

from support.network import assert_meshed
from zmqlayer.exceptions import ProtocolError
from zmqlayer.gossip import MAX_GOSSIP, NAMED_AT_ONCE, NAMERS, ROUND_S, Gossip, Named, may_help, read_named
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.names import NodeId
from zmqlayer.ports import Candidate


def peers(count: int) -> list[Named]:
    return [(NodeId(number.to_bytes(16, "big")), f"tcp://10.0.0.1:{number}", TAG) for number in range(count)]


def never() -> float:
    """The chance that what is left to chance is not done."""
    return 1.0


def whole_round(gossip: Gossip, linked: list[Named]) -> list[Named]:
    """Return whom the heartbeats of one round name."""
    return [named for second in range(10) for named in gossip.for_heartbeat(linked, float(second))]


def join_by(network: MemoryNetwork, name: str, *seeds: MemoryNode | str) -> MemoryNode:
    """Start a node that knows the addresses of *seeds* and nothing else."""
    node = network.add(name, hints=[])
    for seed in seeds:
        address = seed if isinstance(seed, str) else seed.pull
        node.mesh.found(Candidate(address), network.now)
    network.pump(node)
    return node


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("apart_s", [0.0, 0.001, 0.01, 1.5])
def test_one_seed_is_enough(seed: int, apart_s: float) -> None:
    """Nodes that know nothing but one seed are all linked to each other, whether they come together or apart."""
    network = MemoryNetwork(seed)
    nodes = [network.add("seed", hints=[])]
    for number in range(12):
        nodes.append(join_by(network, f"n{number}", nodes[0]))
        network.run(apart_s)

    network.run(3.0)

    assert_meshed(*nodes)


@pytest.mark.parametrize("seed", range(3))
def test_the_seed_may_come_last(seed: int) -> None:
    """Nodes that wait for a seed are linked to each other soon after it starts."""
    network = MemoryNetwork(seed)
    early = [join_by(network, f"n{number}", "tcp://seed:1") for number in range(8)]
    network.run(20.0)

    late = network.add("seed", hints=[])
    network.run(8.0)

    assert_meshed(late, *early)


def test_the_seed_may_die() -> None:
    """A mesh needs its seed for newcomers only: those that it brought together stay together."""
    network = MemoryNetwork(1)
    seed = network.add("seed", hints=[])
    nodes = [join_by(network, f"n{number}", seed) for number in range(6)]
    network.run(3.0)

    network.kill(seed)
    network.run(60.0)

    assert_meshed(*nodes)


@pytest.mark.parametrize("order", range(4))
def test_a_chain_of_seeds_is_enough(order: int) -> None:
    """Each node knows one other, in any order of joining, and all meet."""
    network = MemoryNetwork(order)
    names = [f"n{number}" for number in range(10)]
    seeds = dict(zip(names[1:], names, strict=False))
    random.Random(order).shuffle(names)
    nodes = []
    for name in names:
        nodes.append(join_by(network, name, *[f"tcp://{seeds[name]}:1"] if name in seeds else []))
        network.run(0.3)

    network.run(15.0)

    assert_meshed(*nodes)


def test_a_large_mesh_meets() -> None:
    """More nodes than one greeting can name are all linked in the end."""
    network = MemoryNetwork(1)
    nodes: list[Any] = [network.add("seed", hints=[])]
    for number in range(66):
        nodes.append(join_by(network, f"n{number}", nodes[0]))
        network.run(0.005)

    network.run(3.0)

    assert_meshed(*nodes)


def test_newcomers_are_named_first() -> None:
    """The next heartbeat names who has just come; when all have been named it names nobody."""
    gossip, linked = Gossip(never), peers(3)
    gossip.for_heartbeat(linked, 0.0)

    gossip.has_come(linked[1][0])

    assert gossip.for_heartbeat(linked, 1.0) == [linked[1]]
    assert gossip.for_heartbeat(linked, 2.0) == []


def test_everybody_is_named_again_from_time_to_time() -> None:
    """Every 30 s all peers are named again, a few in each heartbeat."""
    gossip, linked = Gossip(lambda: 0.0), peers(40)

    rounds = [gossip.for_heartbeat(linked, ROUND_S + second) for second in range(4)]

    assert [len(named) for named in rounds] == [NAMED_AT_ONCE, NAMED_AT_ONCE, 40 - 2 * NAMED_AT_ONCE, 0]
    assert {pair for named in rounds for pair in named} == set(linked)


@pytest.mark.parametrize("count", [3, NAMERS, 100])
def test_some_name_each_peer(count: int) -> None:
    """However large the mesh is, a peer is named by eight of those that know it, or by all, in each round."""
    chance, linked = random.Random(1).random, peers(count)
    rounds = 200

    named = sum(len(whole_round(Gossip(chance), linked)) for _ in range(rounds))

    expected = min(count, NAMERS)
    assert named / rounds == pytest.approx(expected, rel=0.1 if count > NAMERS else 0)


def test_who_is_gone_is_not_named() -> None:
    """A peer whose link ended before its turn is left out."""
    gossip, linked = Gossip(never), peers(2)
    gossip.has_come(linked[0][0])

    assert gossip.for_heartbeat(linked[1:], 0.0) == linked[1:]


def test_greetings_name_all_in_turn() -> None:
    """A greeting names all peers; where they are too many the next greeting goes on with the others."""
    gossip = Gossip(never)
    assert gossip.for_greeting(peers(NAMED_AT_ONCE)) == peers(NAMED_AT_ONCE)

    named = [gossip.for_greeting(peers(2 * NAMED_AT_ONCE - 1)) for _ in range(2)]

    assert [len(pairs) for pairs in named] == [NAMED_AT_ONCE, NAMED_AT_ONCE]
    assert {*named[0], *named[1]} == set(peers(2 * NAMED_AT_ONCE - 1))


@pytest.mark.parametrize(
    ("address", "heard_from", "helps"),
    [
        ("tcp://10.0.0.1:1", "tcp://10.0.0.2:1", True),
        ("tcp://10.0.0.1:1", "tcp://127.0.0.1:1", True),
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:2", True),
        ("tcp://127.0.0.1:1", "tcp://10.0.0.2:1", False),
        ("tcp://[::1]:1", "tcp://[fd00::1]:1", False),
        ("tcp://[::1]:1", "tcp://127.0.0.1:1", True),
        ("tcp://[fe80::1%eth0]:1", "tcp://[fe80::2%eth0]:1", False),
    ],
)
def test_some_addresses_help_nobody(address: str, heard_from: str, helps: bool) -> None:
    """Another machine's loopback address, or one of its adapters, is not worth a dial."""
    assert may_help(address, heard_from=heard_from) is helps


ID = bytes(16)
TAG = "0123abcd"


@pytest.mark.parametrize(
    "entries",
    [
        None,
        {},
        [[ID, "tcp://a:1", TAG]] * (MAX_GOSSIP + 1),
        [ID],
        [[ID]],
        [[ID, "tcp://a:1"]],
        [["text", "tcp://a:1", TAG]],
        [[ID[1:], "tcp://a:1", TAG]],
        [[ID, b"tcp://a:1", TAG]],
        [[ID, "ipc://a", TAG]],
        [[ID, "tcp://" + "a" * 300, TAG]],
        [[ID, "tcp://a:1", TAG.encode()]],
        [[ID, "tcp://a:1", TAG * 5]],
    ],
)
def test_malformed_gossip_is_refused(entries: object) -> None:
    """What cannot be a list of nodes and addresses breaks the protocol."""
    with pytest.raises(ProtocolError, match=r"HEARTBEAT has .*'peers'"):
        read_named(entries, "HEARTBEAT")
