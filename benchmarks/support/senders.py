"""
What the process does that sends.

It runs ahead of its readers by a bounded number of messages, so that no contestant's buffers overflow, and looks at the
:class:`support.board.Board` for how far they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from contestants.layers import Layer, full_error
from support.board import Board
from support.pair import Message

__all__ = ["BATCH", "PAUSE_S", "STALLED_AFTER_S", "Burst", "GroupSender", "Sender", "TripSender"]

BATCH: Final = 20
PAUSE_S: Final = 0.0005
BETWEEN_S: Final = 0.001
AWAKE_S: Final = 0.001
LEAST_SINGLES: Final = 10
SETTLE_S: Final = 0.25
MEET_WITHIN_S: Final = 20.0
STALLED_AFTER_S: Final = 3.0
"""What has not arrived by then is lost: no layer here ever pauses that long."""

SendOne = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Burst:
    """
    What became of messages that were sent as fast as possible.

    Attributes:
        sent: Messages.
        arrived: Messages that reached all who should read them; as often as they did if only one should.
        deliveries: Readings, of all readers.
        seconds: From the first send to the last reading.
    """

    sent: int
    arrived: int
    deliveries: int
    seconds: float


class Sender:
    """
    Sends to one process channel.

    Args:
        window: Messages that may be under way.
    """

    def __init__(self, layer: Layer, board: Board, window: int) -> None:
        self._layer = layer
        self._board = board
        self._window = window
        self._full = full_error(layer)

    async def start(self) -> None:
        """Nothing is needed."""

    async def meet(self, channel: str, message: Message) -> None:
        """
        Send until all readers have got something.

        Raises:
            RuntimeError: They have not within 20 s.
        """
        await self._meet(partial(self._layer.send, channel), message)

    async def burst(self, channel: str, message: Message, seconds: float) -> Burst:
        """Send for *seconds*, and wait for what is under way."""
        return await self._burst(partial(self._layer.send, channel), message, seconds)

    async def _meet(self, send: SendOne, message: Message) -> None:
        deadline = time.perf_counter() + MEET_WITHIN_S
        while not self._board.has_all():
            if time.perf_counter() > deadline:
                raise RuntimeError(f"not every reader was reached within {MEET_WITHIN_S:g} s")
            await send(message)
            await asyncio.sleep(BETWEEN_S)
        await asyncio.sleep(SETTLE_S)

    async def _burst(self, send: SendOne, message: Message, seconds: float) -> Burst:
        self._board.clear()
        sent, begun = 0, time.perf_counter()
        while time.perf_counter() < begun + seconds and await self._has_room(sent):
            sent += await self._send_batch(send, message)
        await self._arrived(sent)
        return Burst(sent, self._board.done(), self._board.total(), time.perf_counter() - begun)

    async def _send_batch(self, send: SendOne, message: Message) -> int:
        """Return how many there was room for."""
        for sent in range(BATCH):
            try:
                await send(message)
            except self._full:
                await asyncio.sleep(PAUSE_S)
                return sent
        return BATCH

    async def _has_room(self, sent: int) -> bool:
        """Wait until fewer are under way than may be; return False if nothing moves any more."""
        return await self._arrived(sent - self._window + BATCH)

    async def _arrived(self, wanted: int) -> bool:
        """Wait until *wanted* messages were read; return False if nothing moves any more."""
        seen, seen_at = -1, 0.0
        while self._board.done() < wanted:
            total = self._board.total()
            if total != seen:
                seen, seen_at = total, time.perf_counter()
            elif time.perf_counter() > seen_at + STALLED_AFTER_S:
                return False
            await asyncio.sleep(PAUSE_S)
        return True


class GroupSender(Sender):
    """Sends to groups."""

    async def meet(self, channel: str, message: Message) -> None:
        """See :meth:`Sender.meet`; *channel* is a group."""
        await self._meet(partial(self._layer.group_send, channel), message)

    async def burst(self, channel: str, message: Message, seconds: float) -> Burst:
        """See :meth:`Sender.burst`; *channel* is a group."""
        return await self._burst(partial(self._layer.group_send, channel), message, seconds)

    async def singles(
        self, group: str, message: Message, seconds: float, period_s: float
    ) -> tuple[list[float], list[float]]:
        """
        Send one at a time for *seconds*, and ten at least; each not before the one before was read.

        Args:
            period_s: Between two of them, at least.

        Returns:
            For each, the seconds that ``group_send`` took, and those from its begin until the last member had read it;
            not for one that was lost.
        """
        self._board.clear()
        calls: list[float] = []
        lasts: list[float] = []
        end, number = time.perf_counter() + seconds, 0
        while (begun := time.perf_counter()) < end or len(calls) < LEAST_SINGLES:
            await self._layer.group_send(group, message)
            called, number = time.perf_counter(), number + 1
            calls.append(called - begun)
            if await self._arrived(number):
                lasts.append(self._board.last() - begun)
            else:
                self._board.clear()
                number = 0
            await _rest_until(begun + period_s)
        return calls, lasts


async def _rest_until(end: float) -> None:
    """Sleep for 1 ms at least; after a longer time, stay awake for the last of it, as a process that works is."""
    await asyncio.sleep(max(BETWEEN_S, end - AWAKE_S - time.perf_counter()))
    while time.perf_counter() < end:
        pass


class TripSender:
    """Sends to an echo and waits for the answer."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    async def start(self) -> str:
        """Return the channel that the answers are to come to."""
        self._channel = await self._layer.new_channel()
        return self._channel

    async def trips(self, channel: str, message: Message, seconds: float) -> list[float]:
        """
        Make round trips for *seconds*; return the seconds of each.

        Raises:
            TimeoutError: An answer was lost.
        """
        return await asyncio.wait_for(self._trips(channel, message, seconds), seconds + MEET_WITHIN_S)

    async def _trips(self, channel: str, message: Message, seconds: float) -> list[float]:
        send, receive, ours = self._layer.send, self._layer.receive, self._channel
        took, end = [], time.perf_counter() + seconds
        while (begun := time.perf_counter()) < end:
            await send(channel, message)
            await receive(ours)
            took.append(time.perf_counter() - begun)
        return took
