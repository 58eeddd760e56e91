"""
A model of the mesh: three nodes, any mixture of messages, faults and time.

Whatever happens: no exception, no message twice, no order broken, no loss told twice; and once the network has
healed, every node is ready for every other, what was accepted is accounted for, and whoever waits for room, or for an
answer from the dead, has been told.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.network import assert_conserved, assert_meshed, assert_settled
from zmqlayer.codec import encode
from zmqlayer.events import Lost, Room
from zmqlayer.exceptions import ChannelFull
from zmqlayer.memory import MemoryNetwork, MemoryNode

NAMES = ("a", "b", "c")
GROUP, JOBS = "room", "jobs"
CAPACITY, PREFETCH = 6, 2
SETTINGS: dict[str, object] = {"capacity": CAPACITY, "prefetch": PREFETCH, "expiry": 20}

FAULTS_END_S = 40.0
"""Faults stop early enough that addresses of the dead are still being dialled: hints live for a minute."""

names = st.sampled_from(NAMES)
pairs = st.sampled_from(list(combinations(NAMES, 2)))


class MeshModel(RuleBasedStateMachine):
    """What may happen to three nodes."""

    @initialize(seed=st.integers(0, 2**16))
    def start(self, seed: int) -> None:
        self.network = MemoryNetwork(seed)
        self.started_at = self.network.now
        self.nodes: dict[str, MemoryNode] = {}
        self.channels: dict[str, str] = {}
        self.history: list[MemoryNode] = []
        self.count = 0
        self.got: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.read: list[int] = []
        for name in NAMES:
            self.launch(name)
        self.network.run(0.1)

    def launch(self, name: str) -> None:
        node = self.nodes[name] = self.network.add(name, **SETTINGS)
        self.history.append(node)
        self.channels[name] = node.new_channel()

    def usable(self, name: str) -> MemoryNode | None:
        """Return the node unless it is dead or stands still."""
        node = self.nodes[name]
        return node if node.is_alive and not node.is_stopped else None

    def message(self, sender: MemoryNode) -> dict[str, Any]:
        self.count += 1
        return {"n": self.count, "by": sender.node_id}

    # Messages

    @rule(sender=names, reader=names, times=st.integers(1, 4))
    def send(self, sender: str, reader: str, times: int) -> None:
        if node := self.usable(sender):
            for _ in range(times):
                with contextlib.suppress(ChannelFull):
                    node.send(self.channels[reader], self.message(node))

    @rule(sender=names, times=st.integers(1, 4))
    def send_work(self, sender: str, times: int) -> None:
        if node := self.usable(sender):
            for _ in range(times):
                with contextlib.suppress(ChannelFull):
                    node.send(JOBS, self.message(node))

    @rule(sender=names, times=st.integers(1, 4))
    def entrust_work(self, sender: str, times: int) -> None:
        if node := self.usable(sender):
            for _ in range(times):
                message = self.message(node)
                with contextlib.suppress(ChannelFull):
                    node.mesh.entrust(JOBS, encode(JOBS, message, 1_000), message["n"], self.network.now)
            self.network.pump(node)

    @rule(sender=names, reader=names, is_work=st.booleans())
    def fill(self, sender: str, reader: str, is_work: bool) -> None:
        """Send until the channel is full, and ask for room."""
        channel = JOBS if is_work else self.channels[reader]
        if node := self.usable(sender):
            with contextlib.suppress(ChannelFull):
                for _ in range(CAPACITY + 1):
                    node.send(channel, self.message(node))
            self.count += 1
            node.mesh.notices.rooms.wait(self.count, channel, self.network.now)
            self.network.pump(node)

    @rule(follower=names, owner=names)
    def follow(self, follower: str, owner: str) -> None:
        if node := self.usable(follower):
            self.count += 1
            node.mesh.notices.follow(self.channels[owner], self.count)
            self.network.pump(node)

    @rule(owner=names)
    def close(self, owner: str) -> None:
        if node := self.usable(owner):
            node.mesh.close_channel(self.channels[owner], self.network.now)
            self.network.pump(node)
            self.channels[owner] = node.new_channel()

    @rule(sender=names)
    def send_to_group(self, sender: str) -> None:
        if node := self.usable(sender):
            node.group_send(GROUP, self.message(node))

    @rule(asker=names, member=names, is_added=st.booleans())
    def change_group(self, asker: str, member: str, is_added: bool) -> None:
        if node := self.usable(asker):
            (node.group_add if is_added else node.group_discard)(GROUP, self.channels[member])

    @rule(reader=names)
    def wait(self, reader: str) -> None:
        if node := self.usable(reader):
            node.wait(JOBS)

    @rule(reader=names)
    def poll(self, reader: str) -> None:
        if node := self.usable(reader):
            node.mesh.poll(node.interest(JOBS), self.network.now)
            self.network.pump(node)

    @rule(reader=names)
    def take(self, reader: str) -> None:
        if node := self.usable(reader):
            for message in node.take_all(self.channels[reader]):
                self.got[self.channels[reader], message["by"]].append(message["n"])
            for message in node.take_all(JOBS):
                self.read.append(message["n"])

    # Time and faults

    @rule(seconds=st.sampled_from([0.0002, 0.001, 0.05, 0.5, 2.0, 5.0]))
    def pass_time(self, seconds: float) -> None:
        self.network.run(seconds)

    @rule(seconds=st.sampled_from([0.001, 0.1]))
    def pass_time_and_take(self, seconds: float) -> None:
        self.network.run(seconds)
        for name in NAMES:
            self.take(name)

    def is_early(self) -> bool:
        return self.network.now - self.started_at < FAULTS_END_S

    @rule(pair=pairs, seconds=st.sampled_from([0.0002, 0.005, 0.03]))
    def delay(self, pair: tuple[str, str], seconds: float) -> None:
        self.network.delay(*(self.nodes[name] for name in pair), seconds)

    @precondition(is_early)
    @rule(pair=pairs, is_cut=st.booleans())
    def break_apart(self, pair: tuple[str, str], is_cut: bool) -> None:
        (self.network.cut if is_cut else self.network.partition)(*(self.nodes[name] for name in pair))

    @precondition(is_early)
    @rule(name=names, how=st.sampled_from(["stop", "kill", "leave"]))
    def end(self, name: str, how: str) -> None:
        node = self.usable(name)
        if node is None:
            return
        if how == "leave":
            node.leave()
        else:
            (self.network.stop if how == "stop" else self.network.kill)(node)

    @rule()
    def recover(self) -> None:
        for name in NAMES:
            self.network.resume(self.nodes[name])
            if not self.nodes[name].is_alive:
                self.launch(name)
        for one, two in combinations(self.nodes.values(), 2):
            self.network.heal(one, two)

    # What always holds

    @invariant()
    def no_message_comes_twice(self) -> None:
        assert len(set(self.read)) == len(self.read)
        assert all(len(set(numbers)) == len(numbers) for numbers in self.got.values())

    @invariant()
    def the_order_of_each_sender_holds(self) -> None:
        assert all(numbers == sorted(numbers) for numbers in self.got.values()), self.got

    @invariant()
    def every_message_is_accounted_for(self) -> None:
        if hasattr(self, "history"):
            assert_conserved(*self.history)

    @invariant()
    def no_loss_is_told_twice(self) -> None:
        if hasattr(self, "history"):
            told = [event.token for node in self.history for event in node.events if isinstance(event, Lost)]
            assert len(set(told)) == len(told)

    # What holds once all is quiet

    def check_notices(self, node: MemoryNode) -> None:
        """Only the living are waited for, and nobody stands before an open door."""
        living = {other.node_id for other in self.nodes.values()} | {None}
        assert {item.peer for item in node.mesh.notices.custody.items.values()} <= living
        assert set(node.mesh.notices.follows.owners) <= living
        told = {event.bound for event in node.events if isinstance(event, Room)}
        rooms, before = node.mesh.notices.rooms, self.network.now - 1.1  # what expired since then is found later
        open_doors = [bound for bound, line in rooms.lines.items() if not _is_blocked(node, line, before)]
        assert set(open_doors) <= told

    def teardown(self) -> None:
        if not hasattr(self, "network"):
            return
        self.recover()
        self.network.run(3.0)  # who was leaving has left
        self.recover()
        self.network.run(10.0)
        assert_meshed(*self.nodes.values())
        self.pass_time_and_take(1.0)
        self.no_message_comes_twice()
        self.the_order_of_each_sender_holds()
        self.network.run(0.2)  # the last reports
        assert_settled(*self.nodes.values())
        for node in self.nodes.values():
            self.check_notices(node)


def _is_blocked(node: MemoryNode, line: Mapping[object, str], now: float) -> bool:
    return node.mesh._blocked_by(next(iter(line.values())), now) is not None


TestMeshModel = pytest.mark.timeout(180)(MeshModel.TestCase)  # it computes for half a minute, or for a whole one
TestMeshModel.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)
