"""The same as ``raw_pair`` through ``ChannelLayer``: two nodes that found each other, and a process channel each."""

from __future__ import annotations

import asyncio
import multiprocessing
import secrets
import time
from collections.abc import Coroutine
from typing import Any, Final, Self, TypeVar

from support.pair import Message
from zmqlayer import ChannelLayer

__all__ = ["MeshPair"]

WITHIN_S: Final = 60.0
RAISED: Final = {"capacity": 1_000_000, "peer_messages": 1_000_000, "peer_bytes": 1 << 30}
TASKS: Final = "benchmark.tasks"

T = TypeVar("T")


class MeshPair:
    """Two nodes, each with one event loop."""

    def __enter__(self) -> Self:
        cluster = f"benchmark-{secrets.token_hex(4)}"
        self._runner = asyncio.Runner()
        self._layer = ChannelLayer(cluster=cluster, **RAISED)
        self._process = multiprocessing.get_context("spawn").Process(target=_run, args=(cluster,), daemon=True)
        self._process.start()
        self._run(self._open())
        return self

    def __exit__(self, *exc: object) -> None:
        self._run(self._layer.send(TASKS, {"task": "stop"}))
        self._process.join(WITHIN_S)
        self._run(self._layer.close())
        self._runner.close()

    def one_way(self, message: Message, number: int) -> float:
        """See :class:`support.pair.Pair`."""
        return self._run(self._one_way(message, number))

    def round_trips(self, message: Message, number: int) -> list[float]:
        """See :class:`support.pair.Pair`."""
        return self._run(self._round_trips(message, number))

    def _run(self, task: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(asyncio.wait_for(task, WITHIN_S))

    async def _open(self) -> None:
        self._ours = await self._layer.new_channel()
        await self._layer.send(TASKS, {"task": "hello", "reply": self._ours})
        self._theirs: str = (await self._layer.receive(self._ours))["channel"]

    async def _one_way(self, message: Message, number: int) -> float:
        send, theirs = self._layer.send, self._theirs
        await self._layer.send(TASKS, {"task": "read", "number": number, "reply": self._ours})
        begun = time.perf_counter()
        for _ in range(number):
            await send(theirs, message)
        await self._layer.receive(self._ours)
        return time.perf_counter() - begun

    async def _round_trips(self, message: Message, number: int) -> list[float]:
        send, receive, ours, theirs = self._layer.send, self._layer.receive, self._ours, self._theirs
        await self._layer.send(TASKS, {"task": "echo", "number": number, "reply": ours})
        took = []
        for _ in range(number):
            begun = time.perf_counter()
            await send(theirs, message)
            await receive(ours)
            took.append(time.perf_counter() - begun)
        return took


def _run(cluster: str) -> None:
    asyncio.run(_serve(cluster))


async def _serve(cluster: str) -> None:
    layer = ChannelLayer(cluster=cluster, **RAISED)
    channel = await layer.new_channel()
    while (task := await layer.receive(TASKS))["task"] != "stop":
        reply = task["reply"]
        if task["task"] == "hello":
            await layer.send(reply, {"channel": channel})
        elif task["task"] == "read":
            for _ in range(task["number"]):
                await layer.receive(channel)
            await layer.send(reply, {})
        else:
            for _ in range(task["number"]):
                await layer.send(reply, await layer.receive(channel))
    await layer.close()
