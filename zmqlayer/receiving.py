"""
How a coroutine receives: it looks, waits to be woken, and looks again. Used by both faces of a layer.
"""

from __future__ import annotations

import asyncio

from zmqlayer.base import BaseLayer
from zmqlayer.driving import let_drive
from zmqlayer.events import Interest
from zmqlayer.messages import Message
from zmqlayer.queues import Letter
from zmqlayer.switchboard import Receiver
from zmqlayer.waiters import LoopWaiter

__all__ = ["receive"]


async def receive(layer: BaseLayer, interest: Interest) -> tuple[str, Message]:
    """
    Return the next message for *interest* with its channel, waiting as long as it takes.

    May be cancelled at any moment: a message is removed in the step that returns it.

    Raises:
        LayerClosed: The layer was closed, perhaps while this waited.
    """
    node, loop = layer.node, asyncio.get_running_loop()
    letter: Letter | None = None
    while True:
        if letter is not None and (message := layer.open_letter(letter)) is not None:
            return letter.channel, message
        receiver = Receiver(interest, waiter := LoopWaiter(loop))
        letter = node.take_or_wait(receiver)
        if letter is None:
            let_drive(node, loop)
            try:
                await waiter.future
            except asyncio.CancelledError:
                node.give_up(receiver)
                raise
            letter = node.ask(lambda mesh, now: mesh.take(interest, now))
