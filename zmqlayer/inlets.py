"""
Inlets: how one event loop reads many messages of named channels, and stops doing so at any moment.

``receiving.py`` gives a coroutine one message. An inlet is for those who read all the time: it takes what is there in
one go, decides itself how much may lie here unread, and can give that back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from zmqlayer.base import BaseLayer
from zmqlayer.events import Interest
from zmqlayer.exceptions import LayerClosed
from zmqlayer.mesh import Mesh
from zmqlayer.messages import Message
from zmqlayer.names import check_channel
from zmqlayer.queues import Letter
from zmqlayer.switchboard import Receiver
from zmqlayer.waiters import LoopWaiter

__all__ = ["Inlet"]

MOST_AT_ONCE: Final = 16
"""Messages that are taken in one go, so that others have a turn in between."""


class Inlet:
    """
    Reads named channels for one coroutine.

    Args:
        channels: Names of channels that no process owns, or of one with a ``?``.
        prefetch: Messages that may lie here before they are wanted, so that nobody waits for their way.

    Raises:
        InvalidName: One is no channel name.
    """

    def __init__(self, layer: BaseLayer, channels: Iterable[str], prefetch: int) -> None:
        self._layer = layer
        self._interest = Interest((), tuple(sorted(map(check_channel, channels))))
        self._prefetch = prefetch
        self._is_reading = False
        self._is_ended = False
        self._receiver: Receiver | None = None

    async def receive(self, most: int = MOST_AT_ONCE) -> list[tuple[str, Message]]:
        """
        Return the next messages with their channels, after waiting for the first of them.

        May be cancelled at any moment: messages are removed in the step that returns them.

        Args:
            most: How many at once; at least 1.

        Returns:
            Nothing, once the inlet has ended.

        Raises:
            LayerClosed: The layer was closed, perhaps while this waited.
            LimitReached: This process reads too many named channels at once.
        """
        while not self._is_ended:
            letters = await self._wait(min(most, MOST_AT_ONCE))
            opened = [(letter.channel, self._layer.open_letter(letter)) for letter in letters]
            if messages := [(channel, message) for channel, message in opened if message is not None]:
                return messages
        return []

    def pause(self) -> None:
        """
        Give back what lies here unread, and take no more until :meth:`receive` is called again.

        Whoever else waits for the same channels on this node goes on.
        """
        if self._is_reading:
            self._is_reading = False
            with suppress(LayerClosed):
                self._layer.node.ask(lambda mesh, now: mesh.stop_reading(self._interest, now))

    def end(self) -> None:
        """Read no more, for good. May be called twice, and while :meth:`receive` waits."""
        self._is_ended = True
        if (receiver := self._receiver) is not None:
            self._receiver = None
            self._layer.node.give_up(receiver)
            receiver.waiter.wake()
        self.pause()

    async def _wait(self, most: int) -> list[Letter]:
        node = self._layer.node
        self._is_reading = True
        # Each time: a reader that was not used for a while is forgotten, and what it was told with it.
        node.ask(lambda mesh, now: mesh.read_ahead(self._interest, self._prefetch, now))
        receiver = Receiver(self._interest, waiter := LoopWaiter(asyncio.get_running_loop()))
        letter = node.take_or_wait(receiver)
        if letter is not None:
            return [letter, *node.ask(lambda mesh, now: _take(mesh, self._interest, most - 1, now))]
        self._receiver = receiver
        try:
            await waiter.future
        except asyncio.CancelledError:
            if self._receiver is not None:
                node.give_up(receiver)
            raise
        finally:
            self._receiver = None
        if self._is_ended:
            return []
        return node.ask(lambda mesh, now: _take(mesh, self._interest, most, now))


def _take(mesh: Mesh, interest: Interest, most: int, now: float) -> list[Letter]:
    letters: list[Letter] = []
    while len(letters) < most and (letter := mesh.take(interest, now)) is not None:
        letters.append(letter)
    return letters
