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
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from zmqlayer.actions import Action, Connect, Disconnect, HangUp, Publish, Push, Subscribe, Unsubscribe
from zmqlayer.codec import decode, encode
from zmqlayer.config import Config
from zmqlayer.events import Completed, Event, Interest, PeerChanged
from zmqlayer.frames import TOPIC_BYTES
from zmqlayer.greetings import address_of, host_of
from zmqlayer.links import Identity
from zmqlayer.mesh import Mesh
from zmqlayer.messages import Message
from zmqlayer.names import NODE_ID_BYTES, NodeId, encode_node_id, owner_of
from zmqlayer.peers import PeerState
from zmqlayer.ports import Candidate

__all__ = ["MemoryNetwork", "MemoryNode"]

T = TypeVar("T")

RECONNECT_S: Final = 0.1
MAX_STEPS: Final = 1_000_000


@dataclass(slots=True)
class _Pipe:
    """
    One connection, from the node that made it to an address.

    Attributes:
        target: The node that accepted it, while the connection stands.
        topics: For SUB to XPUB: the subscriptions that arrived at the publisher.
        backlog: Frames that wait for the connection, for PUSH.
        clear_at: When the last frame in flight arrives, in either direction: later ones do not overtake it.
    """

    owner: MemoryNode
    address: str
    target: MemoryNode | None = None
    topics: set[bytes] = field(default_factory=set)
    backlog: deque[bytes] = field(default_factory=deque)
    epoch: int = 0
    is_closed: bool = False
    clear_at: dict[str, float] = field(default_factory=dict)


class MemoryNode:
    """One node on a :class:`MemoryNetwork`. Its methods take and return messages, like a layer's."""

    def __init__(self, network: MemoryNetwork, name: str, config: Config, role: str) -> None:
        node_id = NodeId(network.random.randbytes(NODE_ID_BYTES))
        identity = Identity(node_id=node_id, role=role, hosts=(name,), pull=1, pub=2)
        self.name = name
        self.node_id = node_id
        self.config = config
        self.mesh = Mesh(identity, config, network.random.randbytes)
        self.is_alive = True
        self.is_stopped = False
        self.topics: set[bytes] = set()
        self.subs: dict[str, _Pipe] = {}
        self.pushes: dict[str, _Pipe] = {}
        self.arrivals: deque[Callable[[float], None]] = deque()
        self.events: list[Event] = []
        self._network = network
        self._locals = 0

    def __repr__(self) -> str:
        return f"<MemoryNode {self.name} {self.mesh!r}>"

    def send(self, channel: str, message: Message) -> None:
        """Send one message; raises as a layer does."""
        self._call(lambda now: self.mesh.send(channel, encode(channel, message, self.config.max_message_size), now))

    def group_send(self, group: str, message: Message) -> None:
        """Send one message to a group."""
        self._call(lambda now: self.mesh.group_send(group, encode(group, message, self.config.max_message_size), now))

    def group_add(self, group: str, channel: str) -> int | None:
        """Add to a group; returns a token, or None if it is done."""
        return self._call(lambda now: self.mesh.group_add(group, channel, now))

    def group_discard(self, group: str, channel: str) -> int | None:
        """Remove from a group; returns a token, or None if it is done."""
        return self._call(lambda now: self.mesh.group_discard(group, channel, now))

    def flush(self) -> int | None:
        """Flush; returns a token, or None if it is done."""
        return self._call(self.mesh.flush)

    def new_channel(self, prefix: str = "specific") -> str:
        """Return an unused process channel of this node."""
        self._locals += 1
        return f"{prefix}.{encode_node_id(self.node_id)}!{self._locals}"

    def take(self, *channels: str) -> Message | None:
        """Remove and return the oldest message of *channels*, or None."""
        letter = self._call(lambda now: self.mesh.take(self.interest(*channels), now))
        return decode(letter.body) if letter is not None else None

    def take_all(self, *channels: str) -> list[Message]:
        """Remove and return all that can be taken now, waiting again for named channels after each."""
        taken: list[Message] = []
        while (message := self.take(*channels)) is not None:
            taken.append(message)
        return taken

    def wait(self, *channels: str) -> None:
        """One receiver begins to wait, and so gives credit."""
        self._call(lambda now: self.mesh.wait(self.interest(*channels), now))

    def unwait(self, *channels: str) -> None:
        """One receiver stops waiting."""
        self._call(lambda now: self.mesh.unwait(self.interest(*channels)))

    def interest(self, *channels: str) -> Interest:
        """Return *channels*, sorted out."""
        own = tuple(channel for channel in channels if owner_of(channel) == self.node_id and "!" in channel)
        return Interest(own, tuple(sorted(set(channels) - set(own))))

    def completed(self, token: int | None) -> bool:
        """Whether the request *token* is over; None never had to wait."""
        return token is None or any(isinstance(e, Completed) and e.token == token for e in self.events)

    def sees(self, other: MemoryNode) -> str | None:
        """Return the state in which this node has *other*, or None."""
        return next((peer.state for peer in self.mesh.peers() if peer.node_id == other.node_id), None)

    def changes(self, other: MemoryNode) -> list[PeerState]:
        """Return the states through which *other* went, as this node saw it."""
        return [e.state for e in self.events if isinstance(e, PeerChanged) and e.peer.node_id == other.node_id]

    def leave(self) -> None:
        """Read no more, hand over what is queued while anyone takes it, say goodbye and end; see ``Node.close``."""
        self._call(self.mesh.leave)
        self._end(self._network.now + self.config.timing.linger_s)

    def _end(self, deadline: float) -> None:
        if not self.is_alive:
            return
        if self.mesh.is_drained or self._network.now >= deadline:
            self._call(lambda now: self.mesh.say_goodbye())
            self._network.after(self._network.in_flight_s(self) + 0.01, partial(self._network.kill, self))
        else:
            self._network.after(0.001, partial(self._end, deadline))

    def _call(self, ask: Callable[[float], T]) -> T:
        result = ask(self._network.now)
        self._network.pump(self)
        return result


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
        for node in (a, b):
            self.after(0, partial(self._drain, node))

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

    def _open(self, node: MemoryNode, pipes: dict[str, _Pipe], address: str) -> _Pipe:
        pipe = pipes[address] = _Pipe(node, address)
        self.after(self._travel(node, self.nodes.get(host_of(address))), lambda: self._establish(pipe))
        return pipe

    def _establish(self, pipe: _Pipe) -> None:
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

    def _close(self, pipe: _Pipe | None) -> None:
        if pipe is not None:
            self._break(pipe)
            pipe.is_closed = True

    def _break(self, pipe: _Pipe) -> None:
        target, pipe.target = pipe.target, None
        pipe.epoch += 1
        pipe.backlog.clear()
        topics, pipe.topics = pipe.topics, set()
        if target is None or not target.is_alive:
            return
        for topic in sorted(topics):
            self._arrive(target, pipe.owner, partial(self._unsubscribed, target, topic))

    def _unsubscribed(self, publisher: MemoryNode, topic: bytes, now: float) -> None:
        if not any(topic in pipe.topics for pipe in self._subscribers(publisher)):
            publisher.mesh.unsubscribed(topic, now)

    def _carry_subscription(self, pipe: _Pipe, topic: bytes, *, is_new: bool) -> None:
        target = pipe.target
        if target is None:
            return

        def take(now: float) -> None:
            known = any(topic in other.topics for other in self._subscribers(target))
            (pipe.topics.add if is_new else pipe.topics.discard)(topic)
            if is_new and not known:
                target.mesh.subscribed(topic, now)
            elif not is_new:
                self._unsubscribed(target, topic, now)

        self._travel_along(pipe, "up", target, pipe.owner, take)

    def _subscribers(self, publisher: MemoryNode) -> list[_Pipe]:
        return [p for node in self.nodes.values() for p in node.subs.values() if p.target is publisher]

    def _publish(self, node: MemoryNode, wire: bytes) -> None:
        topic = wire[:TOPIC_BYTES]
        for pipe in self._subscribers(node):
            if topic in pipe.topics:
                receiver = pipe.owner
                self._travel_along(pipe, "down", receiver, node, partial(receiver.mesh.receive, wire))

    def _flush_backlog(self, pipe: _Pipe) -> None:
        target = pipe.target
        while target is not None and pipe.backlog:
            wire = pipe.backlog.popleft()
            self._travel_along(pipe, "up", target, pipe.owner, partial(target.mesh.receive, wire))

    def _travel_along(
        self, pipe: _Pipe, way: str, to: MemoryNode, source: MemoryNode, take: Callable[[float], None]
    ) -> None:
        epoch = pipe.epoch
        arrives_at = max(self.now + self._travel(source, to), pipe.clear_at.get(way, 0.0))
        pipe.clear_at[way] = arrives_at

        def arrive() -> None:
            if pipe.epoch != epoch:
                return
            if self._is_parted(source, to):
                self.after(RECONNECT_S, arrive)
                pipe.clear_at[way] = self.now + RECONNECT_S
            else:
                self._arrive(to, source, lambda now: take(now) if pipe.epoch == epoch else None)

        self.after(arrives_at - self.now, arrive)

    def _arrive(self, to: MemoryNode, source: MemoryNode, take: Callable[[float], None]) -> None:
        to.arrivals.append(take)
        self._drain(to)

    def _travel(self, a: MemoryNode, b: MemoryNode | None) -> float:
        base = self._slow.get(frozenset((a.name, b.name)), self._delay_s) if b else self._delay_s
        return base * (1 + self.random.random())

    def _is_parted(self, a: MemoryNode, b: MemoryNode) -> bool:
        return frozenset((a.name, b.name)) in self._parted
