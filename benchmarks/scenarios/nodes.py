"""What nodes cost that have nothing to do, alone and as many on one machine; and how soon a new one is ready."""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final

from support.processes import raise_file_limit
from support.scenario import OURS, Contestant, Measure, Round, Scenario, Target
from support.swarm import Nodes, start_all

__all__ = ["SCENARIOS"]

SHARED: Final = {"discovery": "localhost"}
IDLE_S: Final = 10.0
SETTLE_S: Final = 3.0
"""What follows the last join is not the rest that is measured."""
PEERS: Final = 3
PROCESSES: Final = 10
FILES: Final = 20_000
KB: Final = 1024
MB: Final = 1 << 20

CPU: Final = Measure("processor", "% of a core")
MEMORY: Final = Measure("memory", "MB")
JOIN: Final = Measure("all ready after the last start", "s")
CPU_EACH: Final = Measure("processor, each node", "% of a core")
MEMORY_PEER: Final = Measure("memory of a peer", "KB")
MEMORY_NODE: Final = Measure("memory of a node", "MB")
OF_LAYER: Final = Measure("from the layer", "ms")
OF_PROCESS: Final = Measure("from the process", "ms")

Settings = Mapping[str, Any]


def new_cluster() -> Settings:
    """Return the settings of nodes that find each other on this machine, and nobody else."""
    return {**SHARED, "cluster": f"benchmark-{secrets.token_hex(4)}"}


@contextmanager
def idle(seconds: float, *, is_encrypted: bool = False) -> Iterator[Round]:
    """Watch a node that has three idle peers."""
    settings = {**new_cluster(), **({"secret": secrets.token_hex(32)} if is_encrypted else {})}
    with Nodes([settings]) as node, Nodes([settings] * PEERS) as peers:
        start_all([node, peers])
        meet([node, peers], PEERS)
        time.sleep(SETTLE_S)

        def watch() -> Mapping[str, float]:
            cost = percent([node], max(IDLE_S, seconds))
            return {CPU.name: cost, MEMORY.name: node.resident / MB}

        yield watch


@contextmanager
def swarm(nodes: int, seconds: float) -> Iterator[Round]:
    """Start *nodes* anew in each round, in ten processes at most, and watch them when all have found all."""
    raise_file_limit(FILES)
    yield partial(grow, nodes, max(IDLE_S, seconds))


def grow(nodes: int, seconds: float) -> Mapping[str, float]:
    """Return a figure for each measure of a swarm that is watched for so long."""
    n_processes = min(PROCESSES, nodes)
    each, cluster = nodes // n_processes, new_cluster()
    alone = memory_alone(each)
    with ExitStack() as stack:
        processes = [stack.enter_context(Nodes([cluster] * each)) for _ in range(n_processes)]
        start_all(processes)
        met_at = meet(processes, nodes - 1)
        time.sleep(SETTLE_S)
        cost = percent(processes, seconds) / nodes
        resident = statistics.mean(process.resident for process in processes)
        for process in processes:
            process.end_input()  # all at once, so that nobody is left to be missed
    return {
        JOIN.name: met_at - max(process.started_at for process in processes),
        CPU_EACH.name: cost,
        MEMORY_PEER.name: (resident - alone) / each / (nodes - 1) / KB,
        MEMORY_NODE.name: resident / each / MB,
    }


def memory_alone(each: int) -> float:
    """Return the bytes of a process with so many nodes that have no peers: each is in a cluster of its own."""
    with Nodes([new_cluster() for _ in range(each)]) as process:
        process.wait_until_started()
        time.sleep(SETTLE_S)
        return process.resident


def meet(processes: Sequence[Nodes], peers: int) -> float:
    """Wait until each node has so many ready peers; return when the last had."""
    for process in processes:
        process.ask_to_meet(peers)
    return max([process.met_at() for process in processes])


def percent(processes: Sequence[Nodes], seconds: float) -> float:
    """Return how much of a core all of them use together, in percent."""
    before, begun = sum(process.cpu_s for process in processes), time.monotonic()
    time.sleep(seconds)
    used = sum(process.cpu_s for process in processes) - before
    return used / (time.monotonic() - begun) * 100


@contextmanager
def joining(seconds: float) -> Iterator[Round]:
    """Let processes join a node that runs already, one after the other."""
    cluster = new_cluster()
    with Nodes([cluster]) as host:
        host.wait_until_started()
        yield partial(join_for, seconds, cluster)


def join_for(seconds: float, cluster: Settings) -> Mapping[str, float]:
    """Return the medians of as many joins as *seconds* have room for, at least one."""
    layers: list[float] = []
    processes: list[float] = []
    end = time.monotonic() + seconds
    while not layers or time.monotonic() < end:
        with Nodes([cluster]) as node:
            node.wait_until_started()
            met_at = meet([node], 1)
            layers.append((met_at - node.imported_at) * 1e3)
            processes.append((met_at - node.begun_at) * 1e3)
    return {OF_LAYER.name: statistics.median(layers), OF_PROCESS.name: statistics.median(processes)}


def _swarm(nodes: int, targets: tuple[Target, ...] = ()) -> Scenario:
    contestant: Contestant = partial(swarm, nodes)
    return Scenario(
        name=f"nodes-{nodes}",
        title=f"{nodes} idle nodes on one machine, in {min(PROCESSES, nodes)} processes",
        family="nodes on one machine",
        measures=(JOIN, CPU_EACH, MEMORY_PEER, MEMORY_NODE),
        contestants={OURS: contestant},
        targets=targets,
        x=nodes,
        x_label="nodes",
        rounds=1 if targets else 2,
        notes=f"Watched for at least {IDLE_S:g} s in each round. A peer's memory is what a process has more than one "
        "with as many nodes and no peers, for each link.",
    )


SCENARIOS: Final = (
    Scenario(
        name="idle-node",
        title=f"A process with one node that has {PEERS} peers and nothing to do",
        family="idle node",
        measures=(CPU, MEMORY),
        contestants={OURS: idle, f"{OURS}, encrypted": partial(idle, is_encrypted=True)},
        targets=(Target(CPU.name, 0.5, 0.1), Target(MEMORY.name, 40, 32)),
        rounds=3,
        notes=f"Watched for at least {IDLE_S:g} s in each round; the process has imported nothing but zmqlayer.",
    ),
    Scenario(
        name="join",
        title="A new process joins a node that runs already, found over mDNS",
        family="join",
        measures=(OF_LAYER, OF_PROCESS),
        contestants={OURS: joining},
        targets=(Target(OF_LAYER.name, 600, 100),),
        notes="From the construction of the layer, and from the start of the process with the interpreter and all "
        "imports, to the first ready peer.",
    ),
    *map(_swarm, (2, 10, 30)),
    _swarm(100, (Target(JOIN.name, 15, 6), Target(CPU_EACH.name, 0.8, 0.3), Target(MEMORY_PEER.name, 150, 80))),
)
