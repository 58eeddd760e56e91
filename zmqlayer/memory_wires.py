"""
The connections of the network in memory: what TCP and ZeroMQ do between two nodes. Used by ``memory.py`` only.

A :class:`Pipe` is what a node asked for: to be connected to an address, for as long as it likes. A
:class:`Connection` is one success at that, with a :class:`Stream` in either direction. Each stream keeps its
order. When a connection breaks, what was under way in it vanishes, and its two ends notice independently.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from zmqlayer.frames import TOPIC_BYTES
from zmqlayer.greetings import host_of
from zmqlayer.ports import Fault, Refusal

if TYPE_CHECKING:
    from zmqlayer.memory_node import MemoryNode

__all__ = ["Connection", "Network", "Pipe", "Step", "Stream", "Wires", "pipes_between"]

RECONNECT_S: Final = 0.1
RECONNECT_MOST_S: Final = 2.0
HEARTBEAT_TIMEOUT_S: Final = 4.0

Step = Callable[[], None]


class Network(Protocol):
    """What nodes and wires need of their network."""

    now: float
    random: random.Random
    nodes: dict[str, MemoryNode]

    def after(self, seconds: float, step: Step) -> None:
        """Do *step* after *seconds* of virtual time."""

    def at(self, time: float, step: Step) -> None:
        """Do *step* at a point in virtual time."""

    def pump(self, node: MemoryNode) -> None:
        """Carry out what a node wants done."""

    def arrive(self, node: MemoryNode, payload: bytes | Step) -> None:
        """Let a node take in a frame or a piece of news, once it can."""

    def in_flight_s(self, node: MemoryNode) -> float:
        """Return the seconds until all that *node* sent has arrived."""

    def kill(self, node: MemoryNode) -> None:
        """End a node."""


@dataclass(slots=True, eq=False)
class Pipe:
    """
    What a node is connected to, or would like to be.

    Attributes:
        door: Number of the owner's door whose secret it uses.
        backlog: Frames that wait for a connection, for PUSH.
        retry_s: The next pause between two attempts.
    """

    owner: MemoryNode
    address: str
    door: int = 0
    connection: Connection | None = None
    backlog: deque[bytes] = field(default_factory=deque)
    retry_s: float = RECONNECT_S
    is_closed: bool = False

    @property
    def topics(self) -> set[bytes]:
        """The subscriptions that arrived at the publisher."""
        return self.connection.topics if self.connection is not None else set()


@dataclass(slots=True, eq=False)
class Stream:
    """
    One direction of a connection.

    Attributes:
        clear_at: When what was sent last arrives: later things do not overtake it.
        held: What a partition keeps from arriving.
    """

    source: MemoryNode
    target: MemoryNode
    clear_at: float = 0.0
    held: deque[bytes | Step] = field(default_factory=deque)
    is_broken: bool = False


@dataclass(slots=True, eq=False)
class Connection:
    """
    One connection, from the node that dialled to the one that accepted.

    Attributes:
        topics: For SUB to XPUB: the subscriptions that arrived at the publisher.
    """

    pipe: Pipe
    up: Stream
    down: Stream
    topics: set[bytes] = field(default_factory=set)


class Wires:
    """
    All connections of one network.

    Args:
        delay_s: How long a frame travels, where nothing else was said; each takes up to twice as long.

    Attributes:
        lost: Frames that vanished with a connection, or with a node that had not looked at them, by kind.
    """

    def __init__(self, network: Network, delay_s: float) -> None:
        self.lost: Counter[int] = Counter()
        self._network = network
        self._delay_s = delay_s
        self._delays: dict[tuple[str, str], float] = {}
        self._parted: set[tuple[str, str]] = set()
        self._blackholes: set[tuple[str, str]] = set()

    # What the network is told

    def delay(self, source: MemoryNode, target: MemoryNode, seconds: float) -> None:
        """Make what goes from *source* to *target* travel this long."""
        self._delays[source.name, target.name] = seconds

    def part(self, source: MemoryNode, target: MemoryNode) -> None:
        """Let nothing arrive at *target* that comes from *source*."""
        self._parted.add((source.name, target.name))

    def join(self, source: MemoryNode, target: MemoryNode) -> None:
        """Let arrive what comes from *source*, first what was held."""
        self._parted.discard((source.name, target.name))
        for pipe in pipes_between(source, target):
            if pipe.connection is not None:
                self._release(pipe.connection.up if pipe.owner is source else pipe.connection.down)

    # What nodes do

    def open(self, owner: MemoryNode, pipes: dict[str, Pipe], address: str, door: int = 0) -> Pipe:
        """Begin to connect to an address with the secret of a door, and keep at it."""
        pipe = pipes[address] = Pipe(owner, address, door)
        target = self._network.nodes.get(host_of(address))
        self._network.after(self._travel(owner, target), partial(self._establish, pipe))
        return pipe

    def close(self, pipe: Pipe | None) -> None:
        """Stop being connected; the other side hears of it."""
        if pipe is not None:
            pipe.is_closed = True
            pipe.backlog.clear()
            if pipe.connection is not None:
                connection, pipe.connection = pipe.connection, None
                self._break(connection)
                self._carry_end(connection)

    def probe(self, owner: MemoryNode, address: str) -> None:
        """Find out whether anybody listens: a dead process is refused, a host that is not there keeps silent."""
        target = self._network.nodes.get(host_of(address))
        if target is not None and not self._is_parted(owner, target) and not self._is_parted(target, owner):
            there_and_back = self._travel(owner, target) + self._travel(target, owner)
            self._network.after(there_and_back, partial(self._tell_probed, owner, target, address))

    def push(self, owner: MemoryNode, address: str, wire: bytes, door: int | None) -> None:
        """Send a frame to the PULL at an address, now or once it is connected; with another secret, connect anew."""
        pipe = owner.pushes.get(address)
        if pipe is not None and door not in (None, pipe.door):
            self.close(pipe)
            pipe = None
        pipe = pipe or self.open(owner, owner.pushes, address, door or 0)
        if pipe.connection is None:
            pipe.backlog.append(wire)
        else:
            self._carry(pipe.connection.up, wire)

    def publish(self, node: MemoryNode, wire: bytes) -> None:
        """Send a frame to every connection that subscribed to its topic."""
        connections = node.subscribers.get(wire[:TOPIC_BYTES], {})
        for connection in connections:
            if connection.down.is_broken and connection.pipe.connection in connections:
                continue  # its end was not noticed yet, and the one that took its place carries the frame
            self._carry(connection.down, wire)

    def change_topic(self, node: MemoryNode, topic: bytes, *, is_new: bool) -> None:
        """Let all publishers that a node is connected to know that it subscribes, or does no longer."""
        change = self._subscribe if is_new else self._unsubscribe
        for pipe in node.subs.values():
            if pipe.connection is not None:
                self._carry(pipe.connection.up, partial(change, pipe.connection, (topic,)))

    # What goes wrong

    def sever(self, pipe: Pipe, noticed_after_s: float | None = 0.0) -> None:
        """
        Break the connection of one pipe. Its owner connects again by itself.

        Args:
            noticed_after_s: How long the other side goes on as if nothing had happened; None to let it hear of
                the end as of anything else that its peer says: not through a partition.
        """
        connection, pipe.connection = pipe.connection, None
        if connection is None:
            return
        self._break(connection)
        pipe.retry_s = RECONNECT_S
        self._network.after(RECONNECT_S, partial(self._establish, pipe))
        if noticed_after_s is None:
            self._carry_end(connection)
        else:
            self._network.after(noticed_after_s, partial(self._notice, connection))

    def blackhole(self, pipe: Pipe, *, is_up: bool) -> None:
        """Swallow what goes one way between the ends of a pipe, until ZeroMQ misses its heartbeats, and ever after."""
        self._blackholes.add((pipe.owner.name, pipe.address))
        connection = pipe.connection
        if connection is not None:
            (connection.up if is_up else connection.down).is_broken = True
            self._network.after(HEARTBEAT_TIMEOUT_S, partial(self.sever, pipe))

    def end(self, node: MemoryNode) -> None:
        """A node was killed: its connections break, and the other sides notice."""
        self._count_lost(node.arrivals)
        node.arrivals.clear()
        for pipe in [*node.subs.values(), *node.pushes.values()]:
            self.close(pipe)
        accepted, node.connections = node.connections, {}
        for connection in accepted:
            self._break(connection)
            self._when_joined(node, connection.pipe.owner, partial(self._reconnect, connection))

    # Inside: connections

    def _establish(self, pipe: Pipe) -> None:
        owner, target = pipe.owner, self._network.nodes.get(host_of(pipe.address))
        if pipe.is_closed or pipe.connection is not None:
            return
        if target is None or not target.is_alive or not self._is_passable(pipe, target):
            pause_s, pipe.retry_s = pipe.retry_s, min(2 * pipe.retry_s, RECONNECT_MOST_S)
            self._network.after(pause_s, partial(self._establish, pipe))
            return
        if not target.admits(pipe):
            self._refuse(pipe, target)
            return
        connection = pipe.connection = Connection(pipe, Stream(owner, target), Stream(target, owner))
        target.connections[connection] = None
        pipe.retry_s = RECONNECT_S
        if owner.subs.get(pipe.address) is pipe:
            self._carry(connection.up, partial(self._subscribe, connection, tuple(sorted(owner.topics))))
        while pipe.backlog:
            self._carry(connection.up, pipe.backlog.popleft())

    def _is_passable(self, pipe: Pipe, target: MemoryNode) -> bool:
        """Whether a handshake of ZeroMQ would come to an end, which takes both directions."""
        if (pipe.owner.name, pipe.address) in self._blackholes:
            return False
        return not self._is_parted(pipe.owner, target) and not self._is_parted(target, pipe.owner)

    def _refuse(self, pipe: Pipe, target: MemoryNode) -> None:
        """Let both sides know that the handshake failed, and try again like libzmq."""
        owner = pipe.owner
        self._network.after(RECONNECT_S, partial(self._establish, pipe))
        by_us = Refusal(owner.name, False, Fault.SECRET)
        self._network.arrive(target, lambda: target.mesh.refused(by_us, target.clock()))
        if owner.pushes.get(pipe.address) is pipe:
            of_us = Refusal(pipe.address, True, Fault.SECRET)
            self._network.arrive(owner, lambda: owner.mesh.refused(of_us, owner.clock()))

    def _reconnect(self, broken: Connection) -> None:
        """The owner of a pipe learns that its connection ended."""
        pipe = broken.pipe
        if pipe.connection is broken:
            pipe.connection = None
            self._establish(pipe)

    def _break(self, connection: Connection) -> None:
        for stream in (connection.up, connection.down):
            stream.is_broken = True
            self._count_lost(stream.held)
            stream.held.clear()

    def _carry_end(self, connection: Connection) -> None:
        """Let the side that accepted a connection hear that it ended."""
        up = connection.up
        self._when_joined(up.source, up.target, partial(self._notice, connection))

    def _when_joined(self, source: MemoryNode, target: MemoryNode, step: Step) -> None:
        if self._is_parted(source, target):
            self._network.after(RECONNECT_S, partial(self._when_joined, source, target, step))
        else:
            step()

    def _notice(self, connection: Connection) -> None:
        publisher = connection.up.target
        publisher.connections.pop(connection, None)
        if publisher.is_alive:
            self._network.arrive(publisher, lambda: self._unsubscribe(connection, tuple(sorted(connection.topics))))

    def _tell_probed(self, owner: MemoryNode, target: MemoryNode, address: str) -> None:
        is_open = target.is_alive
        self._network.arrive(owner, lambda: owner.mesh.probed(address, is_open, owner.clock()))

    # Inside: subscriptions

    def _subscribe(self, connection: Connection, topics: Iterable[bytes]) -> None:
        publisher = connection.up.target
        for topic in topics:
            connection.topics.add(topic)
            subscribers = publisher.subscribers.setdefault(topic, {})
            subscribers[connection] = None
            if len(subscribers) == 1:
                publisher.mesh.subscribed(topic, publisher.clock())

    def _unsubscribe(self, connection: Connection, topics: Iterable[bytes]) -> None:
        publisher = connection.up.target
        for topic in topics:
            connection.topics.discard(topic)
            subscribers = publisher.subscribers.get(topic, {})
            if connection not in subscribers:
                continue
            del subscribers[connection]
            if not subscribers:
                del publisher.subscribers[topic]
                publisher.mesh.unsubscribed(topic, publisher.clock())

    # Inside: streams

    def _carry(self, stream: Stream, payload: bytes | Step) -> None:
        at = self._network.now + self._travel(stream.source, stream.target)
        if at > stream.clear_at:
            stream.clear_at = at
        self._network.at(stream.clear_at, partial(self._land, stream, payload))

    def _land(self, stream: Stream, payload: bytes | Step) -> None:
        if stream.is_broken:
            self._count_lost((payload,))
        elif stream.held or self._is_parted(stream.source, stream.target):
            stream.held.append(payload)
        else:
            self._network.arrive(stream.target, payload)

    def _release(self, stream: Stream) -> None:
        while stream.held and not self._is_parted(stream.source, stream.target):
            self._network.arrive(stream.target, stream.held.popleft())

    def _count_lost(self, payloads: Iterable[bytes | Step]) -> None:
        self.lost.update(payload[TOPIC_BYTES] for payload in payloads if isinstance(payload, bytes))

    def _travel(self, source: MemoryNode, target: MemoryNode | None) -> float:
        base = self._delay_s
        if self._delays and target is not None:
            base = self._delays.get((source.name, target.name), base)
        return base * (1 + self._network.random.random())

    def _is_parted(self, source: MemoryNode, target: MemoryNode) -> bool:
        return bool(self._parted) and (source.name, target.name) in self._parted


def pipes_between(a: MemoryNode, b: MemoryNode) -> Iterator[Pipe]:
    """Return the pipes of two nodes to each other, connected or not."""
    for one, other in ((a, b), (b, a)):
        for pipe in (one.subs.get(other.pub), one.pushes.get(other.pull)):
            if pipe is not None:
                yield pipe
