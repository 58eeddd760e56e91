"""What the processes do that receive: count, echo, or share the messages of a named channel."""

from __future__ import annotations

import asyncio
import time

from contestants.layers import Layer
from support.board import Board, Marks

__all__ = ["NO_NUMBER", "Echo", "Members", "Reader", "Worker"]

NO_NUMBER = -1
"""The number of messages that are not part of a round."""


class Reader:
    """Reads one process channel, and counts."""

    def __init__(self, layer: Layer, board: Board, place: int) -> None:
        self._layer = layer
        self._board = board
        self._place = place

    async def start(self) -> str:
        """Return the channel."""
        channel = await self._layer.new_channel()
        self._task = asyncio.create_task(self._read(channel))
        return channel

    async def _read(self, channel: str) -> None:
        receive, counts, place = self._layer.receive, self._board.counts(), self._place
        while True:
            await receive(channel)
            counts[place] += 1


class Members:
    """Channels in one group, each read by a task of its own."""

    def __init__(self, layer: Layer, board: Board, place: int, group: str) -> None:
        self._layer = layer
        self._board = board
        self._place = place
        self._group = group

    async def start(self) -> None:
        """Join the group, as often as the board's lap says."""
        channels = [await self._layer.new_channel() for _ in range(self._board.lap)]
        for channel in channels:
            await self._layer.group_add(self._group, channel)
        self._tasks = [asyncio.create_task(self._read(channel)) for channel in channels]

    async def _read(self, channel: str) -> None:
        receive, place, lap = self._layer.receive, self._place, self._board.lap
        counts, times = self._board.counts(), self._board.times()
        while True:
            await receive(channel)
            count = counts[place] = counts[place] + 1
            if not count % lap:  # the last member of this process
                times[place] = time.perf_counter()


class Echo:
    """Sends back what it reads."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    async def start(self) -> str:
        """Return the channel that it reads."""
        self._channel = await self._layer.new_channel()
        return self._channel

    async def echo_to(self, channel: str) -> None:
        """Send everything to *channel* from now on."""
        self._task = asyncio.create_task(self._echo(channel))

    async def _echo(self, reply: str) -> None:
        send, receive, channel = self._layer.send, self._layer.receive, self._channel
        while True:
            await send(reply, await receive(channel))


class Worker:
    """
    One of several processes that read the same named channel.

    Args:
        receivers: How many tasks of it do so.
    """

    def __init__(self, layer: Layer, board: Board, marks: Marks, place: int, channel: str, receivers: int) -> None:
        self._layer = layer
        self._board = board
        self._marks = marks
        self._place = place
        self._channel = channel
        self._receivers = receivers

    async def start(self) -> None:
        """Read from now on."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._receivers)]

    async def _work(self) -> None:
        receive, mark, channel, place = self._layer.receive, self._marks.mark, self._channel, self._place
        counts, times = self._board.counts(), self._board.times()
        while True:
            number = (await receive(channel))["number"]
            if number != NO_NUMBER:
                mark(place, number)
            counts[place] += 1
            times[place] = time.perf_counter()
