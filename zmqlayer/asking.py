"""
How a coroutine asks its node for what takes time, and waits for the answer. Used by both faces of a layer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from zmqlayer.events import Completed
from zmqlayer.exceptions import LayerClosed, NotAnswered
from zmqlayer.mesh import Mesh
from zmqlayer.names import check_channel, check_group
from zmqlayer.node import Node
from zmqlayer.waiters import LoopWaiter

__all__ = ["Enough", "group_add", "group_discard", "join", "outcome", "patience_s", "request", "wait_until"]


async def group_add(node: Node, group: str, channel: str) -> None:
    """Add *channel* to *group*; see :meth:`zmqlayer.layer.AsyncLayer.group_add`."""
    names = check_group(group), check_channel(channel)
    await join(node)
    await request(node, lambda mesh, now: mesh.group_add(*names, now))


async def group_discard(node: Node, group: str, channel: str) -> None:
    """Remove *channel* from *group*; see :meth:`zmqlayer.layer.AsyncLayer.group_discard`."""
    names = check_group(group), check_channel(channel)
    await join(node)
    await request(node, lambda mesh, now: mesh.group_discard(*names, now))


async def join(node: Node) -> None:
    """Wait until *node* has joined the mesh, as long as its ``join_timeout`` allows; at once if it has."""
    await wait_until(node, lambda mesh: mesh.is_joined, 2 * node.config.timing.join_timeout_s)


class Enough:
    """
    The condition that so many peers are ready.

    Attributes:
        found: How many were when it was last asked. Who is woken because it held should not ask anew: some peer may be
            silent by then.
    """

    def __init__(self, peers: int) -> None:
        self.peers = peers
        self.found = 0

    def __call__(self, mesh: Mesh) -> bool:
        self.found = mesh.ready_peers
        return self.found >= self.peers


async def wait_until(node: Node, condition: Callable[[Mesh], bool], timeout_s: float) -> None:
    """
    Wait until *condition* holds for the mesh of *node*, at most *timeout_s* seconds.

    Raises:
        LayerClosed: The node was closed, perhaps while this waited.
    """
    if node.ask(lambda mesh, now: condition(mesh)):
        return
    waiter = LoopWaiter(asyncio.get_running_loop())
    if node.when(condition, waiter):
        return
    try:
        async with asyncio.timeout(timeout_s):
            await waiter.future
    except TimeoutError:
        return
    finally:
        node.stop_waiting(waiter)
    node.check_open()


async def request(node: Node, begin: Callable[[Mesh, float], int | None]) -> Completed:
    """
    Begin what other nodes must answer, and wait for that.

    Args:
        begin: Returns a token, or None if nothing has to be waited for.

    Raises:
        ZmqLayerError: It failed, or another node refused it.
        NotAnswered, LayerClosed: As in :func:`outcome`.
    """
    waiter = LoopWaiter(asyncio.get_running_loop())
    token = node.request(begin, waiter)
    if token is None:
        return Completed(0)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s(node)):
                await waiter.future
    except asyncio.CancelledError:
        node.result(token)
        raise
    return outcome(node, token)


def patience_s(node: Node) -> float:
    """Return for how long a request is waited for: twice what it takes if all others stand still, but not this node."""
    return 8 * node.config.timing.group_add_timeout_s


def outcome(node: Node, token: int) -> Completed:
    """
    Return how a request ended, for which nobody waits any more.

    Raises:
        ZmqLayerError: It failed, or another node refused it.
        NotAnswered: It did not end.
        LayerClosed: Nor will it.
    """
    result = node.result(token)
    if result is None:
        raise LayerClosed if node.is_closed else NotAnswered(patience_s(node))
    if result.error is not None:
        raise result.error
    return result
