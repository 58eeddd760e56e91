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
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from functools import partial
from typing import Final

from zmqlayer.actions import Action, Connect, Disconnect, HangUp, Publish, Push, Subscribe, Unsubscribe
from zmqlayer.config import Config
from zmqlayer.frames import TOPIC_BYTES
from zmqlayer.greetings import address_of, host_of
from zmqlayer.memory_node import MemoryNode, Pipe
from zmqlayer.ports import Candidate

__all__ = ["MemoryNetwork", "MemoryNode"]

RECONNECT_S: Final = 0.1
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
        self._delay_s = delay_s
        self._slow: dict[frozenset[str], float] = {}
        self._parted: set[frozenset[str]] = set()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._entries = 0

    # What tests say

    def add(self, name: str, *, role: str = "script", **settings: object) -> MemoryNode:
        """Start a node at host *name*; a node that ran there before must be dead. It is told of all others."""
        config = Config.from_settings({"discovery": "off", **settings})
        node = MemoryNode(self, name, config, role)
        others = [other for other in self.nodes.values() if other.is_alive and other is not node]
        self.nodes[name] = node
        node.mesh.start(self.now)
        for other in others:
            node.mesh.found(Candidate(address_of(other.name, 1), other.node_id), self.now)
        node.mesh.settled(self.now)
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

    def partition(self, a: MemoryNode, b: MemoryNode) -> None:
        """Let nothing pass between two nodes. As with TCP, what is sent waits."""
        self._parted.add(frozenset((a.name, b.name)))

    def heal(self, a: MemoryNode, b: MemoryNode) -> None:
        """End a partition: what waited arrives, in order."""
        self._parted.discard(frozenset((a.name, b.name)))
        for one, other in ((a, b), (b, a)):
            for pipe in [*one.subs.values(), *one.pushes.values()]:
                if pipe.target is other:
                    self._release(pipe)

    def cut(self, a: MemoryNode, b: MemoryNode) -> None:
        """Break the connections between two nodes; what is in flight is lost. They reconnect by themselves."""
        for one, other in ((a, b), (b, a)):
            for pipe in [*one.subs.values(), *one.pushes.values()]:
                if pipe.target is other:
                    self._break(pipe)
                    self.after(RECONNECT_S, partial(self._establish, pipe))

    def delay(self, a: MemoryNode, b: MemoryNode, seconds: float) -> None:
        """Make frames between two nodes travel this long."""
        self._slow[frozenset((a.name, b.name))] = seconds

    def kill(self, node: MemoryNode) -> None:
        """End a node without a word."""
        node.is_alive = False
        for pipe in [*node.subs.values(), *node.pushes.values()]:
            self._break(pipe)
            pipe.is_closed = True
        for other in self.nodes.values():
            for pipe in [*other.subs.values(), *other.pushes.values()]:
                if pipe.target is node:
                    self._break(pipe)
                    self.after(RECONNECT_S, partial(self._establish, pipe))

    def stop(self, node: MemoryNode) -> None:
        """Freeze a node: what arrives waits, its clock stands still."""
        node.is_stopped = True

    def resume(self, node: MemoryNode) -> None:
        """Let a frozen node go on."""
        node.is_stopped = False
        self.after(0, lambda: self._drain(node))

    # The machinery

    def after(self, seconds: float, step: Callable[[], None]) -> None:
        """Do *step* after *seconds* of virtual time."""
        self._entries += 1
        heapq.heappush(self._agenda, (self.now + seconds, self._entries, step))

    def in_flight_s(self, node: MemoryNode) -> float:
        """Return the seconds until all that *node* sent has arrived: what ZeroMQ's LINGER waits for."""
        pipes = [p for other in self.nodes.values() for p in [*other.subs.values(), *other.pushes.values()]]
        ends = [end for p in pipes if node in (p.owner, p.target) for end in p.clear_at.values()]
        return max(0.0, max(ends, default=self.now) - self.now)

    def pump(self, node: MemoryNode) -> None:
        """Carry out what a node wants done, and see to it that it is ticked in time."""
        if not node.is_alive or node.is_stopped:
            return
        node.mesh.tick(self.now)
        while actions := node.mesh.outgoing():
            for action in actions:
                self._carry_out(node, action)
        node.events.extend(node.mesh.events())
        self.after(max(0.0, node.mesh.next_deadline() - self.now), lambda: self._wake(node))

    def _wake(self, node: MemoryNode) -> None:
        if node.is_alive and not node.is_stopped and node.mesh.next_deadline() <= self.now:
            self.pump(node)

    def _drain(self, node: MemoryNode) -> None:
        if not node.is_alive or node.is_stopped:
            return
        while node.arrivals:
            node.arrivals.popleft()(self.now)
        self.pump(node)

    def _carry_out(self, node: MemoryNode, action: Action) -> None:
        match action:
            case Publish(wire):
                self._publish(node, wire)
            case Push(address, wire):
                pipe = node.pushes.get(address) or self._open(node, node.pushes, address)
                pipe.backlog.append(wire)
                self._flush_backlog(pipe)
            case HangUp(address):
                self._close(node.pushes.pop(address, None))
            case Connect(address):
                self._open(node, node.subs, address)
            case Disconnect(address):
                self._close(node.subs.pop(address, None))
            case Subscribe(topic) | Unsubscribe(topic):
                self._change_topic(node, topic, is_new=isinstance(action, Subscribe))

    def _change_topic(self, node: MemoryNode, topic: bytes, *, is_new: bool) -> None:
        (node.topics.add if is_new else node.topics.discard)(topic)
        for pipe in node.subs.values():
            self._carry_subscription(pipe, topic, is_new=is_new)

    def _open(self, node: MemoryNode, pipes: dict[str, Pipe], address: str) -> Pipe:
        pipe = pipes[address] = Pipe(node, address)
        self.after(self._travel(node, self.nodes.get(host_of(address))), lambda: self._establish(pipe))
        return pipe

    def _establish(self, pipe: Pipe) -> None:
        target = self.nodes.get(host_of(pipe.address))
        if pipe.is_closed or pipe.target is not None:
            return
        if target is None or not target.is_alive or self._is_parted(pipe.owner, target):
            self.after(RECONNECT_S, lambda: self._establish(pipe))
            return
        pipe.target = target
        for topic in sorted(pipe.owner.topics) if pipe.address.endswith(":2") else ():
            self._carry_subscription(pipe, topic, is_new=True)
        self._flush_backlog(pipe)

    def _close(self, pipe: Pipe | None) -> None:
        if pipe is not None:
            self._break(pipe)
            pipe.is_closed = True

    def _break(self, pipe: Pipe) -> None:
        target, pipe.target = pipe.target, None
        pipe.epoch += 1
        pipe.backlog.clear()
        pipe.held.clear()
        topics, pipe.topics = pipe.topics, set()
        if target is not None and topics:
            target.ghosts.append(topics)
            self._tell_of_break(target, pipe.owner, topics)

    def _tell_of_break(self, publisher: MemoryNode, subscriber: MemoryNode, topics: set[bytes]) -> None:
        """Let a publisher notice that a connection ended: not through a partition."""
        if not publisher.is_alive:
            return
        if self._is_parted(publisher, subscriber):
            self.after(RECONNECT_S, partial(self._tell_of_break, publisher, subscriber, topics))
            return

        def notice(now: float) -> None:
            publisher.ghosts = [ghost for ghost in publisher.ghosts if ghost is not topics]
            for topic in sorted(topics):
                self._unsubscribed(publisher, topic, now)

        self._arrive(publisher, notice)

    def _unsubscribed(self, publisher: MemoryNode, topic: bytes, now: float) -> None:
        if not self._is_wanted(publisher, topic):
            publisher.mesh.unsubscribed(topic, now)

    def _is_wanted(self, publisher: MemoryNode, topic: bytes) -> bool:
        """Whether a connection, or one whose end was not noticed yet, is subscribed to *topic*."""
        pipes = [pipe.topics for pipe in self._subscribers(publisher)]
        return any(topic in topics for topics in [*pipes, *publisher.ghosts])

    def _carry_subscription(self, pipe: Pipe, topic: bytes, *, is_new: bool) -> None:
        target = pipe.target
        if target is None:
            return

        def take(now: float) -> None:
            known = self._is_wanted(target, topic)
            (pipe.topics.add if is_new else pipe.topics.discard)(topic)
            if is_new and not known:
                target.mesh.subscribed(topic, now)
            elif not is_new:
                self._unsubscribed(target, topic, now)

        self._travel_along(pipe, "up", target, pipe.owner, take)

    def _subscribers(self, publisher: MemoryNode) -> list[Pipe]:
        return [p for node in self.nodes.values() for p in node.subs.values() if p.target is publisher]

    def _publish(self, node: MemoryNode, wire: bytes) -> None:
        topic = wire[:TOPIC_BYTES]
        for pipe in self._subscribers(node):
            if topic in pipe.topics:
                receiver = pipe.owner
                self._travel_along(pipe, "down", receiver, node, partial(receiver.mesh.receive, wire))

    def _flush_backlog(self, pipe: Pipe) -> None:
        target = pipe.target
        while target is not None and pipe.backlog:
            wire = pipe.backlog.popleft()
            self._travel_along(pipe, "up", target, pipe.owner, partial(target.mesh.receive, wire))

    def _travel_along(
        self, pipe: Pipe, way: str, to: MemoryNode, source: MemoryNode, take: Callable[[float], None]
    ) -> None:
        epoch = pipe.epoch
        arrives_at = max(self.now + self._travel(source, to), pipe.clear_at.get(way, 0.0))
        pipe.clear_at[way] = arrives_at

        def take_unless_broken(now: float) -> None:
            if pipe.epoch == epoch:
                take(now)

        def arrive() -> None:
            if pipe.epoch == epoch:
                pipe.held.append((to, take_unless_broken))
                self._release(pipe)

        self.after(arrives_at - self.now, arrive)

    def _release(self, pipe: Pipe) -> None:
        """Deliver what came to the end of a pipe, unless a partition holds it there."""
        while pipe.held and pipe.target is not None and not self._is_parted(pipe.owner, pipe.target):
            self._arrive(*pipe.held.popleft())

    def _arrive(self, to: MemoryNode, take: Callable[[float], None]) -> None:
        to.arrivals.append(take)
        self._drain(to)

    def _travel(self, a: MemoryNode, b: MemoryNode | None) -> float:
        base = self._slow.get(frozenset((a.name, b.name)), self._delay_s) if b else self._delay_s
        return base * (1 + self.random.random())

    def _is_parted(self, a: MemoryNode, b: MemoryNode) -> bool:
        return frozenset((a.name, b.name)) in self._parted
