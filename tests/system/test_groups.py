"""Groups between processes: a member that was added is reached by whoever sends next, and a slow one harms nobody."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from support.ledgers import taken_from
from support.node_process import NodeProcess, Nodes, wait_until

pytestmark = pytest.mark.system

PROCESSES = 8
ROUNDS = 2_000
ROUNDS_WITHIN_S = 60.0
USUALLY_S = 0.1
MESSAGES = 4_000
PER_S = 1_000.0
SLOW_CAPACITY = 100
SLOW_PAUSE_S = 0.1
GROWTH_BYTES = 20_000_000
SOON_S = 10.0


def start_all(nodes: Nodes, count: int) -> list[NodeProcess]:
    """Start nodes that are all linked with each other."""
    started: list[NodeProcess] = []
    for _ in range(count):
        started.append(nodes.start(*started))
    return started


def play(players: list[NodeProcess]) -> tuple[list[int], list[float]]:
    """Let all play their share of the rounds at once. Returns the rounds that were missed, and times in seconds."""
    asks = [player.call("answer_asks") for player in players]
    for player, own in zip(players, asks, strict=True):
        others = [ask for ask in asks if ask != own]
        player.begin("play_rounds", rounds=ROUNDS // PROCESSES, others=others)
    outcomes = [player.result(ROUNDS_WITHIN_S) for player in players]
    missed = [number for outcome in outcomes for number in outcome["missed"]]
    return missed, sorted(took_s for outcome in outcomes for took_s in outcome["took_s"])


def test_what_was_added_is_reached_from_everywhere(nodes: Nodes) -> None:
    """Eight processes, 2,000 rounds: group_add returns in one, another sends at once, and no message is missed."""
    players = start_all(nodes, PROCESSES)

    missed, took_s = play(players)

    assert len(took_s) == ROUNDS
    assert missed == []
    assert took_s[ROUNDS // 2] < USUALLY_S


def test_what_was_added_is_reached_while_nodes_come_and_go(nodes: Nodes) -> None:
    """The same while other processes join, leave in order and are killed."""
    host, *players = start_all(nodes, 1 + PROCESSES)
    is_over, visits = threading.Event(), 0

    def come_and_go() -> None:
        nonlocal visits
        while not is_over.is_set():
            visitor = nodes.start(host)
            visitor.call("ready", peers=1 + PROCESSES, wait_s=SOON_S)
            (visitor.kill if visits % 2 else visitor.end)()
            visits += 1

    visiting = threading.Thread(target=come_and_go)
    visiting.start()
    missed, took_s = play(players)
    is_over.set()
    visiting.join()

    assert len(took_s) == ROUNDS
    assert missed == []
    assert visits > 1


def test_a_slow_member_of_a_busy_group_harms_nobody(nodes: Nodes, tmp_path: Path) -> None:
    """One member reads 10 messages a second of 1,000: it misses the rest, exactly counted, and all others miss none."""
    settings = {"capacity": MESSAGES, "channel_capacity": {"slow.*": SLOW_CAPACITY}}
    publisher = nodes.start()
    shared = nodes.start(publisher, **settings)
    other = nodes.start(publisher, shared, **settings)
    members = {"slow": shared, "neighbour": shared, "far": other}
    for name, node in members.items():
        channel = node.call("new_channel", pattern=f"{name}!")
        node.call("group_add", group="busy", channel=channel)
        pause_s = SLOW_PAUSE_S if name == "slow" else 0.0
        node.call("start_readers", channels=[channel], log=str(tmp_path / name), pause_s=pause_s)
    before = [node.call("memory") for node in (publisher, shared)]

    publisher.call("publish", group="busy", count=MESSAGES, per_s=PER_S, size=1_000)

    growth = [node.call("memory") - bytes_ for node, bytes_ in zip((publisher, shared), before, strict=True)]
    for name in ("neighbour", "far"):
        wait_until(lambda name=name: len(taken_from(tmp_path / name)) == MESSAGES, SOON_S, f"{name} has all")
        assert [taken.number for taken in taken_from(tmp_path / name)] == list(range(MESSAGES))
    shared.call("stop_readers")
    taken, statistics = len(taken_from(tmp_path / "slow")), shared.call("statistics")
    assert statistics["dropped: member full"] == MESSAGES - taken - statistics["in_flight"]
    assert SLOW_CAPACITY <= taken + statistics["in_flight"] < MESSAGES // 4
    assert max(growth) < GROWTH_BYTES
    assert shared.complaints.count("member full") == 1
