"""What the process does that sends to a named channel, whose messages several others share."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from contestants.layers import Layer
from support.board import Board, Marks
from support.pair import Message
from support.readers import NO_NUMBER
from support.senders import BATCH, PAUSE_S, STALLED_AFTER_S, Sender

__all__ = ["Deal", "Dealer"]

QUIET_S: Final = 0.25
"""After it, those that were delivered twice are counted."""


@dataclass(frozen=True, slots=True)
class Deal:
    """
    What became of numbered messages.

    Attributes:
        sent: Messages.
        unique: Those that were read.
        twice: Those that were read more than once.
        seconds: From the first send to the last reading.
    """

    sent: int
    unique: int
    twice: int
    seconds: float


class Dealer(Sender):
    """
    Sends numbered messages to a named channel.

    Args:
        marks: What the readers have got.
        window: Messages that may be under way.
    """

    def __init__(self, layer: Layer, board: Board, marks: Marks, window: int) -> None:
        super().__init__(layer, board, window)
        self._marks = marks

    async def meet(self, channel: str, message: Message) -> None:
        """See :meth:`Sender.meet`."""
        await super().meet(channel, {**message, "number": NO_NUMBER})

    async def deal(self, channel: str, message: Message, seconds: float) -> Deal:
        """Send for *seconds*, and wait until nothing is under way."""
        self._board.clear()
        self._marks.clear()
        begun = time.perf_counter()
        sent = await self._deal(channel, message, begun + seconds)
        unique, twice = await self._settled(sent)
        return Deal(sent, unique, twice, self._board.last() - begun)

    async def _deal(self, channel: str, message: Message, end: float) -> int:
        """Send until *end*; return how many had room."""
        send, full, sent = self._layer.send, self._full, 0
        while time.perf_counter() < end and sent < self._marks.room and await self._has_room(sent):
            try:
                for number in range(sent, min(sent + BATCH, self._marks.room)):
                    await send(channel, {**message, "number": number})
                    sent += 1
            except full:
                await asyncio.sleep(PAUSE_S)
        return sent

    async def _settled(self, sent: int) -> tuple[int, int]:
        """Return how many of *sent* were read, and how many of them twice, once all were or nothing moves any more."""
        total, moved_at = -1, 0.0
        while True:
            await asyncio.sleep(PAUSE_S)
            if (now_total := self._board.total()) != total:
                total, moved_at = now_total, time.perf_counter()
            elif time.perf_counter() > moved_at + QUIET_S:
                unique, twice = self._marks.tally(sent)
                if unique == sent or time.perf_counter() > moved_at + STALLED_AFTER_S:
                    return unique, twice
                await asyncio.sleep(QUIET_S)
