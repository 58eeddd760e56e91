"""
One node on the network in memory. ``memory.py`` drives it; tests of the core use it like a layer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from zmqlayer.codec import decode, encode
from zmqlayer.config import Config
from zmqlayer.events import Completed, Event, Interest, PeerChanged
from zmqlayer.greetings import address_of
from zmqlayer.identity import Identity
from zmqlayer.memory_wires import Connection, Network, Pipe, Step
from zmqlayer.mesh import Mesh
from zmqlayer.messages import Message
from zmqlayer.names import NODE_ID_BYTES, NodeId, encode_node_id, owner_of
from zmqlayer.peers import PeerState
from zmqlayer.ports import Door

__all__ = ["TRUE_CLOCK", "MemoryClock", "MemoryNode"]

T = TypeVar("T")

PULL_PORT: Final = 1
PUB_PORT: Final = 2
CLOCK_STEP_S: Final = 1e-6


@dataclass(frozen=True, slots=True)
class MemoryClock:
    """A node's own monotonic clock: it begins anywhere, and may go a little fast or slow."""

    rate: float = 1.0
    offset_s: float = 0.0


TRUE_CLOCK: Final = MemoryClock()


class MemoryNode:
    """One node on a :class:`MemoryNetwork`. Its methods take and return messages, like a layer's."""

    def __init__(
        self, network: Network, name: str, config: Config, role: str, clock: MemoryClock = TRUE_CLOCK,
        also_at: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        node_id = NodeId(network.random.randbytes(NODE_ID_BYTES))
        doors = tuple(Door(tag, PULL_PORT + 2 * n, PUB_PORT + 2 * n) for n, tag in enumerate(config.cluster_tags))
        identity = Identity(node_id=node_id, role=role, hosts=(name, *also_at), doors=doors)
        self.name = name
        self.doors = doors
        self.node_id = node_id
        self.config = config
        self.mesh = Mesh(identity, config, network.random.randbytes)
        self.is_alive = True
        self.is_stopped = False
        self.topics: set[bytes] = set()
        self.subs: dict[str, Pipe] = {}
        self.pushes: dict[str, Pipe] = {}
        self.connections: dict[Connection, None] = {}
        self.subscribers: dict[bytes, dict[Connection, None]] = {}
        self.arrivals: deque[bytes | Step] = deque()
        self.events: list[Event] = []
        self.wakes_at = float("inf")
        self._network = network
        self._clock = clock
        self._locals = 0

    def __repr__(self) -> str:
        return f"<MemoryNode {self.name} {self.mesh!r}>"

    def admits(self, pipe: Pipe) -> bool:
        """Whether a connection opens the door at its address: with the secret of that door, or both without one."""
        key = pipe.owner.doors[pipe.door].tag
        if not self.config.secrets and not pipe.owner.config.secrets:
            key = self.doors[0].tag
        addresses = ((address_of(self.name, door.pull), address_of(self.name, door.pub)) for door in self.doors)
        return any(pipe.address in pair and key == door.tag for pair, door in zip(addresses, self.doors, strict=True))

    @property
    def pull(self) -> str:
        """The address at which others dial this node."""
        return address_of(self.name, PULL_PORT)

    @property
    def pub(self) -> str:
        """The address to which others subscribe."""
        return address_of(self.name, PUB_PORT)

    def clock(self) -> float:
        """Return what this node's clock shows."""
        return self._network.now * self._clock.rate + self._clock.offset_s

    def time_of(self, reading: float) -> float:
        """Return the virtual time at which this node's clock shows *reading*, or a moment after it."""
        if self._clock is TRUE_CLOCK:
            return reading
        return (reading - self._clock.offset_s) / self._clock.rate + CLOCK_STEP_S

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
        result = ask(self.clock())
        self._network.pump(self)
        return result
