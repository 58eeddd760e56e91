"""What a program does on one node: the channels it opened, what it reads, what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from zmqlayer.codec import decode
from zmqlayer.events import Completed
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.messages import Message

__all__ = ["User"]


class User:
    """
    The program on one node.

    Args:
        pace_s: How often it looks for messages.

    Attributes:
        channels: Process channels that are open.
        jobs: Named channels of which it is a reader; empty if it is none.
        is_reading: Whether it takes what came to its process channels.
        is_leaving: Whether it was told to stop.
    """

    def __init__(self, network: MemoryNetwork, node: MemoryNode, pace_s: float) -> None:
        self.node = node
        self.pace_s = pace_s
        self.channels: list[str] = []
        self.jobs: tuple[str, ...] = ()
        self.is_reading = True
        self.is_leaving = False
        self._network = network
        self._is_waiting = False
        self._requests: dict[int, Callable[[Completed], None]] = {}

    @property
    def is_able(self) -> bool:
        """Whether the program can do anything now."""
        return self.node.is_alive and not self.node.is_stopped and not self.is_leaving

    def open_channel(self) -> str:
        """Make a process channel."""
        channel = self.node.new_channel()
        self.channels.append(channel)
        return channel

    def close_channel(self, channel: str) -> None:
        """End a process channel."""
        self.channels.remove(channel)
        self.node.mesh.close_channel(channel, self.node.clock())
        self._network.pump(self.node)

    def request(self, token: int | None, then: Callable[[Completed], None]) -> None:
        """Call *then* once a request is over; at once if it never had to wait."""
        if token is None:
            then(Completed(0))
        else:
            self._requests[token] = then

    def read(self) -> Iterator[tuple[str, Message]]:
        """Yield (channel, message) for all that can be read now, and hear what requests came to."""
        self._hear()
        if self.is_reading:
            for channel in list(self.channels):
                yield from self._take(channel)
        self._stop_waiting()
        if self.jobs:
            yield from self._take(*self.jobs)
            self.node.wait(*self.jobs)
            self._is_waiting = True

    def read_jobs(self, jobs: tuple[str, ...]) -> None:
        """Become a reader of other named channels, or of none."""
        self._stop_waiting()
        self.jobs = jobs

    def _stop_waiting(self) -> None:
        if self._is_waiting:
            self.node.unwait(*self.jobs)
            self._is_waiting = False

    def _hear(self) -> None:
        events, self.node.events = self.node.events, []
        for event in events:
            if isinstance(event, Completed) and event.token in self._requests:
                self._requests.pop(event.token)(event)

    def _take(self, *channels: str) -> Iterator[tuple[str, Message]]:
        interest = self.node.interest(*channels)
        while (letter := self.node.mesh.take(interest, self.node.clock())) is not None:
            self._network.pump(self.node)
            yield letter.channel, decode(letter.body)
