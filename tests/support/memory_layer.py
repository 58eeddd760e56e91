"""A channel layer in one process's memory, as small as the worker's tests allow."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from zmqlayer.config import Config
from zmqlayer.exceptions import ChannelFull, LayerClosed
from zmqlayer.names import NodeId, encode_node_id, owner_of

Content = dict[str, Any]

THIS_NODE = NodeId(bytes(16))
DEFAULTS = Config()


@dataclass(frozen=True)
class MemoryPeer:
    """Another node, as the layer reports it."""

    node_id: NodeId
    role: str = "interface"
    state: str = "ready"


@dataclass(frozen=True)
class MemoryNode:
    """What the layer runs on, as far as settings go."""

    config: Config = DEFAULTS


@dataclass
class MemoryLayer:
    """Keeps what is sent until it is received; ``capacity`` messages in each channel."""

    capacity: int = 100
    node_id: NodeId = THIS_NODE
    node: MemoryNode = field(default_factory=MemoryNode)
    role: str = ""
    links: list[MemoryPeer] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    given: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.is_closed = False
        self.queues: defaultdict[str, deque[Content]] = defaultdict(deque)
        self.groups: defaultdict[str, set[str]] = defaultdict(set)
        self._changed = threading.Condition()
        self._interrupts = 0
        self._names = 0
        self.waits: list[tuple[str, float]] = []
        self._sleepers: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def read_ahead(self, prefetch: int) -> None:
        """Do nothing: everything is here."""

    def work_in_batches(self) -> None:
        """Do nothing: nothing is moved."""

    def start(self) -> None:
        """Do nothing: there is nobody to join."""

    def peers(self) -> Sequence[MemoryPeer]:
        """Return the peers that the test has put there."""
        return self.links

    def is_open(self, channel: str) -> bool:
        """Whether the channel's node, if its name holds one, is this one or linked, and the test did not close it."""
        owner = owner_of(channel)
        is_linked = owner in (None, self.node_id, *(peer.node_id for peer in self.links))
        return is_linked and channel not in self.closed

    def send(self, channel: str, message: Content) -> None:
        """Queue a copy of *message*."""
        with self._changed:
            if len(self.queues[channel]) >= self.capacity:
                raise ChannelFull(channel, self.capacity)
            self.queues[channel].append(copy.deepcopy(message))
            self._wake()

    def send_group(self, group: str, message: Content) -> None:
        """Queue a copy of *message* for each member with room."""
        for channel in sorted(self.groups[group]):
            if len(self.queues[channel]) < self.capacity:
                self.send(channel, message)

    def group_add(self, group: str, channel: str) -> None:
        """Add a member."""
        self.groups[group].add(channel)

    def group_discard(self, group: str, channel: str) -> None:
        """Remove a member."""
        self.groups[group].discard(channel)

    async def send_group_async(self, group: str, message: Content) -> None:
        """Queue a copy of *message* for each member with room."""
        self.send_group(group, message)

    async def group_add_async(self, group: str, channel: str) -> None:
        """Add a member."""
        self.group_add(group, channel)

    async def group_discard_async(self, group: str, channel: str) -> None:
        """Remove a member."""
        self.group_discard(group, channel)

    def new_channel(self, pattern: str) -> str:
        """Return a name that nobody uses."""
        self._names += 1
        node = encode_node_id(self.node_id)
        return f"{pattern[:-1]}.{node}!{self._names}" if pattern.endswith("!") else f"{pattern}{node}{self._names}"

    async def receive_async(self, channels: Sequence[str]) -> tuple[str, Content] | tuple[None, None]:
        """Take the oldest message of the first of *channels* that has one, waiting as long as it takes."""
        while True:
            with self._changed:
                found = self.receive(channels)
                if found[0] is not None:
                    return found
                loop = asyncio.get_running_loop()
                woken: asyncio.Future[None] = loop.create_future()
                self._sleepers.append((loop, woken))
            await woken

    def _wake(self) -> None:
        self._changed.notify_all()
        taken, self._sleepers = self._sleepers, []
        for loop, woken in taken:
            if not loop.is_closed():
                loop.call_soon_threadsafe(lambda future=woken: future.done() or future.set_result(None))

    def receive(
        self, channels: Sequence[str], block: bool = False, timeout: float = 5.0
    ) -> tuple[str, Content] | tuple[None, None]:
        """Take the oldest message of the first of *channels* that has one."""
        with self._changed:
            seen = self._interrupts
            self._changed.wait_for(
                lambda: not block or self.is_closed or self._interrupts != seen or any(map(self.waiting, channels)),
                timeout,
            )
            if self.is_closed:
                raise LayerClosed
            for channel in channels:
                if self.queues[channel]:
                    return channel, self.queues[channel].popleft()
            return None, None

    def wait_until_read(self, prefix: str, timeout: float) -> bool:
        """Note how long somebody would have waited."""
        self.waits.append((prefix, timeout))
        return True

    def interrupt(self) -> None:
        """Make waiting receivers return."""
        with self._changed:
            self._interrupts += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Refuse all further reading."""
        with self._changed:
            self.is_closed = True
            self._wake()

    def waiting(self, channel: str) -> int:
        """How many messages nobody has received from *channel*."""
        return len(self.queues[channel])

    def sent(self, channel: str) -> list[Content]:
        """Take all messages from *channel*."""
        taken = list(self.queues[channel])
        self.queues[channel].clear()
        return taken

    def reply_channel(self, local: str = "browser") -> str:
        """Return the name of a reply channel that this node owns."""
        return f"http.response.{encode_node_id(self.node_id)}!{local}"


class MemoryBackend:
    """An asynchronous layer with a blocking face, as far as ``zmqlayer.ChannelLayer`` matters to a worker."""

    built = 0

    def __init__(self, **config: Any) -> None:
        type(self).built += 1
        self.sync = MemoryLayer(given=config, node=MemoryNode(Config.from_settings(config)))


class ForeignBackend:
    """A layer that no worker can use."""
