"""How long a worker insists when a channel is full. Used by outboxes and by the view consumer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from zmqlayer.exceptions import ChannelFull
from zmqlayer.ports import Clock

__all__ = ["Patience"]


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


@dataclass(frozen=True, slots=True)
class Patience:
    """
    Waits between tries, each twice the last one.

    Attributes:
        pause: Waits for the given seconds; True means that the worker is stopping: give up now. An
            :meth:`threading.Event.wait` fits.
        reply_s: Seconds a response may wait for room for its next piece.
        flush_s: Seconds that all held messages of one consumer may wait for room.
        first_s: The first wait.
        most_s: The longest wait.
    """

    clock: Clock = time.monotonic
    pause: Callable[[float], bool] = _sleep
    reply_s: float = 30.0
    flush_s: float = 2.0
    first_s: float = 0.002
    most_s: float = 0.1

    def insist(
        self,
        send: Callable[[], None],
        deadline: float,
        is_hopeless: Callable[[], bool] = lambda: False,
    ) -> None:
        """
        Call *send* until the channel has room.

        Args:
            deadline: When to give up; at least one try is made.
            is_hopeless: Asked before each wait; True gives up at once.

        Raises:
            ChannelFull: The deadline has passed, the case is hopeless, or the worker is stopping.
        """
        wait_s = self.first_s
        while True:
            try:
                return send()
            except ChannelFull:
                left_s = deadline - self.clock()
                if left_s <= 0 or is_hopeless() or self.pause(min(wait_s, left_s)):
                    raise
            wait_s = min(2 * wait_s, self.most_s)
