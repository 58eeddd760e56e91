"""How long a worker insists when a channel is full. Used by outboxes and by the view consumer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from zmqlayer.exceptions import ChannelFull
from zmqlayer.ports import Clock

__all__ = ["Patience"]


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


async def _asleep(seconds: float) -> bool:
    await asyncio.sleep(seconds)
    return False


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Patience:
    """
    Waits between tries, each twice the last one.

    Attributes:
        pause: Waits for the given seconds; True means that the worker is stopping: give up now. An
            :meth:`threading.Event.wait` fits.
        apause: The same for coroutines.
        reply_s: Seconds a response may wait for room for its next piece.
        flush_s: Seconds that all held messages of one consumer may wait for room.
        first_s: The first wait.
        most_s: The longest wait.
    """

    clock: Clock = time.monotonic
    pause: Callable[[float], bool] = _sleep
    apause: Callable[[float], Awaitable[bool]] = _asleep
    reply_s: float = 30.0
    flush_s: float = 2.0
    first_s: float = 0.002
    most_s: float = 0.1

    def insist(self, send: Callable[[], None], deadline: float, is_hopeless: Callable[[], bool] = _never) -> None:
        """
        Call *send* until the channel has room.

        Args:
            deadline: When to give up; at least one try is made.
            is_hopeless: Asked before each wait; True gives up at once.

        Raises:
            ChannelFull: The deadline has passed, the case is hopeless, or the worker is stopping.
        """
        try:
            send()
        except ChannelFull as exc:
            self.persist(send, exc, deadline, is_hopeless)

    def persist(
        self, send: Callable[[], None], refusal: ChannelFull, deadline: float, is_hopeless: Callable[[], bool] = _never
    ) -> None:
        """Go on as :meth:`insist` does, for who was given *refusal* just now."""
        for wait_s in self._waits(deadline, is_hopeless):
            if self.pause(wait_s):
                break
            try:
                return send()
            except ChannelFull as exc:
                refusal = exc
        raise refusal

    async def ainsist(
        self, send: Callable[[], Awaitable[None]], deadline: float, is_hopeless: Callable[[], bool] = _never
    ) -> None:
        """Await *send* until the channel has room, as :meth:`insist` does for threads."""
        try:
            await send()
        except ChannelFull as exc:
            await self.apersist(send, exc, deadline, is_hopeless)

    async def apersist(
        self,
        send: Callable[[], Awaitable[None]],
        refusal: ChannelFull,
        deadline: float,
        is_hopeless: Callable[[], bool] = _never,
    ) -> None:
        """Go on as :meth:`ainsist` does, for who was given *refusal* just now."""
        for wait_s in self._waits(deadline, is_hopeless):
            if await self.apause(wait_s):
                break
            try:
                return await send()
            except ChannelFull as exc:
                refusal = exc
        raise refusal

    def _waits(self, deadline: float, is_hopeless: Callable[[], bool]) -> Iterator[float]:
        """Yield how long to wait before the next try, until it is time to give up."""
        wait_s = self.first_s
        while (left_s := deadline - self.clock()) > 0 and not is_hopeless():
            yield min(wait_s, left_s)
            wait_s = min(2 * wait_s, self.most_s)
