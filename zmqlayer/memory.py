"""
A network in memory, in virtual time: many nodes in one process, without sockets, threads or clocks.

It drives the same :class:`~zmqlayer.mesh.Mesh` as ZeroMQ does, and behaves like ZeroMQ where that matters: one
ordered pipe per (publisher, subscriber), subscriptions that travel and arrive in order, connections that come
back by themselves. On top of that it can do what networks do: delay, cut, partition, kill, restart.
The same seed gives the same run.

    network = MemoryNetwork(seed=7)
    a, b = network.add("a"), network.add("b")
    network.run(1.0)
    a.send("jobs", {"n": 1})

``memory_node.py`` has the nodes, ``memory_wires.py`` what connects them.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from zmqlayer.actions import Action, Connect, Disconnect, HangUp, Probe, Publish, Push, Subscribe, Unsubscribe
from zmqlayer.config import Config, Timing
from zmqlayer.journal import Said
from zmqlayer.memory_node import TRUE_CLOCK, MemoryClock, MemoryNode
from zmqlayer.memory_wires import Pipe, Step, Wires, pipes_between
from zmqlayer.ports import Candidate

__all__ = ["MemoryClock", "MemoryNetwork", "MemoryNode"]

MAX_STEPS: Final = 1_000_000


class MemoryNetwork:
    """
    Nodes, pipes and virtual time.

    Args:
        seed: Decides all that is random.
        delay_s: How long a frame travels; each takes up to twice as long.
    """

    def __init__(self, seed: int = 0, delay_s: float = 0.0002) -> None:
        self.random = random.Random(seed)
        self.now = 1000.0
        self.nodes: dict[str, MemoryNode] = {}
        self._wires = Wires(self, delay_s)
        self._agenda: list[tuple[float, int, Step]] = []
        self._entries = 0

    # What tests say

    def add(
        self, name: str, *, role: str = "script", hints: Iterable[MemoryNode] | None = None,
        clock: MemoryClock = TRUE_CLOCK, timing: Timing | None = None, also_at: tuple[str, ...] = (),
        **settings: object,
    ) -> MemoryNode:  # fmt: skip
        """
        Start a node at host *name*; a node that ran there before must be dead.

        Args:
            hints: Whom discovery tells it of; all that live, if not given.
            clock: How its own clock goes.
            also_at: Hosts that it says it has, after *name*; nobody reaches it there.
            settings: As a layer takes them.
        """
        config = Config.from_settings({"discovery": "off", **settings}, timing=timing)
        node = MemoryNode(self, name, config, role, clock, also_at)
        others = list(self.nodes.values()) if hints is None else list(hints)
        self.nodes[name] = node
        node.mesh.start(node.clock())
        for other in others:
            if other.is_alive and other.name != name:
                node.mesh.found(Candidate(other.pull, other.node_id), node.clock())
        node.mesh.settled(node.clock())
        self.pump(node)
        return node

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        for _ in range(MAX_STEPS):
            if not self._agenda or self._agenda[0][0] > end:
                self.now = end
                return
            at, _, step = heapq.heappop(self._agenda)
            self.now = max(self.now, at)
            step()
        raise AssertionError(f"the network did not come to rest within {MAX_STEPS:,} steps")

    def delay(self, a: MemoryNode, b: MemoryNode, seconds: float, *, is_one_way: bool = False) -> None:
        """Make frames between two nodes, or only those from *a* to *b*, travel this long."""
        for source, target in ((a, b),) if is_one_way else ((a, b), (b, a)):
            self._wires.delay(source, target, seconds)

    def partition(self, a: MemoryNode, b: MemoryNode, *, is_one_way: bool = False) -> None:
        """Let nothing pass between two nodes, or not from *a* to *b*. As with TCP, what is sent waits."""
        for source, target in ((a, b),) if is_one_way else ((a, b), (b, a)):
            self._wires.part(source, target)

    def heal(self, a: MemoryNode, b: MemoryNode) -> None:
        """End a partition: what waited arrives, in order."""
        self._wires.join(a, b)
        self._wires.join(b, a)

    def cut(self, a: MemoryNode, b: MemoryNode) -> None:
        """Break the connections between two nodes; what is in flight is lost. They reconnect by themselves."""
        for pipe in self.pipes(a, b):
            self._wires.sever(pipe, None)

    def pipes(self, a: MemoryNode, b: MemoryNode) -> list[Pipe]:
        """Return the pipes of two nodes to each other: up to four, for :meth:`sever`."""
        return list(pipes_between(a, b))

    def sever(self, pipe: Pipe, noticed_after_s: float = 0.0) -> None:
        """
        Break one connection; what is in flight is lost. Its owner reconnects by itself.

        Args:
            noticed_after_s: How long the node that accepted it does not know.
        """
        self._wires.sever(pipe, noticed_after_s)

    def blackhole(self, pipe: Pipe, *, is_up: bool) -> None:
        """Swallow what goes up or down one connection. ZeroMQ gives it up after 4 s, and no other replaces it."""
        self._wires.blackhole(pipe, is_up=is_up)

    def kill(self, node: MemoryNode) -> None:
        """End a node without a word."""
        node.is_alive = False
        self._wires.end(node)

    def stop(self, node: MemoryNode) -> None:
        """Freeze a node: what arrives waits."""
        node.is_stopped = True

    def resume(self, node: MemoryNode) -> None:
        """Let a frozen node go on."""
        node.is_stopped = False
        self.after(0, lambda: self._drain(node))

    @property
    def lost(self) -> Counter[int]:
        """Frames that vanished with a connection, or with a node that had not looked at them, by kind."""
        return self._wires.lost

    # The machinery

    def after(self, seconds: float, step: Callable[[], None]) -> None:
        """Do *step* after *seconds* of virtual time."""
        self.at(self.now + seconds, step)

    def at(self, time: float, step: Callable[[], None]) -> None:
        """Do *step* at a point in virtual time."""
        self._entries += 1
        heapq.heappush(self._agenda, (time, self._entries, step))

    def in_flight_s(self, node: MemoryNode) -> float:
        """Return the seconds until all that *node* sent has arrived: what ZeroMQ's LINGER waits for."""
        dialled = [p.connection.up for p in (*node.subs.values(), *node.pushes.values()) if p.connection is not None]
        ends = [stream.clear_at for stream in (*dialled, *(accepted.down for accepted in node.connections))]
        return max(0.0, max(ends, default=self.now) - self.now)

    def pump(self, node: MemoryNode) -> None:
        """Carry out what a node wants done, and see to it that it is ticked in time."""
        if not node.is_alive or node.is_stopped:
            return
        mesh = node.mesh
        mesh.tick(node.clock())
        while mesh.outbox:
            for action in mesh.outgoing():
                self._carry_out(node, action)
        for event in mesh.events():
            if type(event) is Said:
                event.write()
            else:
                node.events.append(event)
        due_at = max(self.now, node.time_of(mesh.next_deadline()))
        if due_at < node.wakes_at:
            node.wakes_at = due_at
            self.after(due_at - self.now, lambda: self._wake(node))

    def arrive(self, node: MemoryNode, payload: bytes | Step) -> None:
        """Let a node take in a frame or a piece of news, once it can."""
        if node.is_alive:
            node.arrivals.append(payload)
            self._drain(node)

    def _wake(self, node: MemoryNode) -> None:
        if self.now >= node.wakes_at:
            node.wakes_at = float("inf")
            self.pump(node)

    def _drain(self, node: MemoryNode) -> None:
        if not node.is_alive or node.is_stopped:
            return
        while node.arrivals:
            payload = node.arrivals.popleft()
            if isinstance(payload, bytes):
                node.mesh.receive(payload, node.clock())
            else:
                payload()
        self.pump(node)

    def _carry_out(self, node: MemoryNode, action: Action) -> None:
        wires = self._wires
        match action:
            case Publish(wire):
                wires.publish(node, wire)
            case Push(address, wire, door):
                wires.push(node, address, wire, door)
            case Probe(address):
                wires.probe(node, address)
            case HangUp(address):
                wires.close(node.pushes.pop(address, None))
            case Connect(address, door):
                wires.open(node, node.subs, address, door)
            case Disconnect(address):
                wires.close(node.subs.pop(address, None))
            case Subscribe(topic):
                node.topics.add(topic)
                wires.change_topic(node, topic, is_new=True)
            case Unsubscribe(topic):
                node.topics.discard(topic)
                wires.change_topic(node, topic, is_new=False)
