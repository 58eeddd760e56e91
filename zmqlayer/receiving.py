"""
How a coroutine receives: it looks, waits to be woken, and looks again; or it stands at the channel, and is given
the next message there (``waiters.py``). Used by both faces of a layer.
"""

from __future__ import annotations

import asyncio
from typing import cast

from zmqlayer.base import BaseLayer
from zmqlayer.driving import let_drive
from zmqlayer.events import Interest
from zmqlayer.messages import Message
from zmqlayer.node import Node
from zmqlayer.queues import Letter
from zmqlayer.switchboard import Receiver
from zmqlayer.waiters import LoopTaker, LoopWaiter

__all__ = ["receive", "stand", "take_or_wait"]


async def receive(layer: BaseLayer, interest: Interest) -> tuple[str, Message]:
    """
    Return the next message for *interest* with its channel, waiting as long as it takes.

    May be cancelled at any moment: what was not returned is there for the next.

    Raises:
        LayerClosed: The layer was closed, perhaps while this waited.
    """
    while True:
        letter = await take_or_wait(layer.node, interest)
        if letter is not None and (message := layer.open_letter(letter)) is not None:
            return letter.channel or interest.own[0], message  # who stands at a channel gets the letter that all share


def stand(node: Node, channel: str) -> LoopTaker | None:
    """
    Stand at a process channel of this node, and have its next message as the result of the taker's future.

    Returns:
        None where that cannot be: another thread drives the node, somebody else stands there, or a message lies there.
    """
    driver = node.driver_here
    loop = driver.loop if driver is not None else None
    # Whether it runs is not asked of asyncio: up to Python 3.11 that is a system call.
    if loop is None or not loop.is_running() or channel[-1] == "!":  # below a prefix they may lie in any channel
        return None
    taker = LoopTaker(loop, channel, driver, node.in_hand)
    return taker if node.pump.stand(taker) else None


async def take_or_wait(node: Node, interest: Interest) -> Letter | None:
    """Return the oldest message for *interest*, or one that came meanwhile; or None, when it is time to look again."""
    if not node.in_hand.isdisjoint(interest.own):
        await asyncio.sleep(0)  # who was given the message before has a turn first: he may give it back
    if len(interest.own) == 1 and not interest.named and (taker := stand(node, interest.own[0])) is not None:
        try:
            return await taker.future
        except asyncio.CancelledError:
            node.step_aside(taker)
            raise
        finally:
            node.in_hand.discard(taker.channel)
    loop = asyncio.get_running_loop()
    found = node.take_or_enlist(interest, lambda: Receiver(interest, LoopWaiter(loop)))
    if not isinstance(found, Receiver):
        return found
    waiter = cast("LoopWaiter", found.waiter)
    if not node.pump.is_driven:
        let_drive(node, waiter.loop)
    try:
        await waiter.future
    except asyncio.CancelledError:
        node.give_up(found)
        raise
    return None
