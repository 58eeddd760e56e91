"""Short-lived channels over real sockets: when they are gone, nothing of them is left at either end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from support.sizes import table_sizes

WITHIN_S = 10.0
CHANNELS = 1_000
REMEMBERED = ("_closures.channels", ".closed.channels")
"""Closed channels are remembered for a minute, and at most ``limits.closed_channels`` of them."""


async def use_once(ends: Any, number: int) -> None:
    """What a connection does with its channel, from beginning to end."""
    channel = await ends.receiver.new_channel()
    await ends.receiver.group_add("room", channel)
    await ends.sender.send(channel, {"n": number})
    await ends.sender.group_send("room", {"n": number})
    for _ in range(2):
        assert (await ends.receiver.receive(channel))["n"] == number
    waiting = asyncio.create_task(ends.receiver.receive(channel))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await ends.receiver.group_discard("room", channel)


async def answer_once(ends: Any, number: int) -> None:
    """A question on a named channel, answered on a channel of its own that is then closed with a message unread."""
    channel = await ends.receiver.new_channel("reply")
    await ends.receiver.send("questions", {"channel": channel})
    question = await ends.sender.receive("questions")
    await ends.sender.send(question["channel"], {"n": number})
    assert (await ends.receiver.receive(channel))["n"] == number
    await ends.receiver.send(channel, {"n": number})
    ends.receiver.close_channel(channel)


def sizes_of(ends: Any) -> dict[str, int]:
    """Return the entries of every table of both ends' nodes, caches apart."""
    sizes: dict[str, int] = {}
    for end, layer in (("sender", ends.sender), ("receiver", ends.receiver)):
        found = layer.node.ask(lambda mesh, now, node=layer.node: table_sizes(node))
        sizes |= {f"{end} {name}": size for name, size in found.items()}
    return sizes


def grown(before: dict[str, int], after: dict[str, int], slack: int) -> dict[str, tuple[int, int]]:
    return {
        name: (before.get(name, 0), size)
        for name, size in after.items()
        if size > before.get(name, 0) + slack and not name.endswith(REMEMBERED)
    }


@pytest.mark.parametrize("use", [use_once, answer_once], ids=["group member", "reply channel"])
def test_short_lived_channels_leave_nothing(async_ends: Any, use: Callable[[Any, int], Any]) -> None:
    """After a thousand of them no table is larger than after ten, give or take what is still being reported."""

    async def main(count: int) -> None:
        for number in range(count):
            await use(async_ends, number)

    asyncio.run(asyncio.wait_for(main(10), WITHIN_S))
    before = sizes_of(async_ends)
    asyncio.run(asyncio.wait_for(main(CHANNELS), 3 * WITHIN_S))

    deadline = time.monotonic() + WITHIN_S
    while (left := grown(before, sizes_of(async_ends), slack=20)) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert left == {}
