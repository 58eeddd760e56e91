"""Connections come and go; when they are gone, nothing of them is left."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.asgi_app import application as plain
from support.asgi_stage import Stage, eventually, play
from support.sizes import table_sizes
from zmqlayer.worker.asgi.conversation import Conversation

FEW, MANY, SLACK = 10, 300, 20
REMEMBERED = ("_closures.channels", "_closures.lasts", ".closed.channels", "_dispatch._backlogs")
"""Closed channels are remembered for a minute, bounded; queues that are empty go with time, which stands still here."""


async def ask(stage: Stage) -> None:
    """A plain request."""
    reply = stage.request("/hello/")
    assert (await stage.read(reply))["content"] == b"hello"
    stage.layer.close_channel(reply)


async def stream(stage: Stage) -> None:
    """A response in two pieces, to a request whose body comes in two."""
    channel = stage.layer.new_channel("http.request.body?")
    reply = stage.request("/echo/", "POST", body=b"a", body_channel=channel)
    stage.layer.send(channel, {"content": b"b", "order": 0})
    assert (await stage.read_content(reply))[1] == b"ab"
    stage.layer.close_channel(channel)
    stage.layer.close_channel(reply)


async def leave(stage: Stage) -> None:
    """A client that leaves before it is answered."""
    reply = stage.request("/endless/")
    await stage.read(reply)
    stage.layer.close_channel(reply)


async def talk(stage: Stage) -> None:
    """A WebSocket, from its handshake to its end."""
    reply, events = await stage.opened()
    stage.say(events, "a")
    assert (await stage.read(reply)) == {"text": "a"}
    stage.tell(events, "websocket.disconnect", code=1000)
    stage.layer.close_channel(reply)


async def tick(scope: Any, receive: Any, send: Any) -> None:
    """An application that sends what a generator makes, as long as anybody takes it."""

    async def ticks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"tick"
        finally:
            ended.append(scope["path"])

    await send({"type": "http.response.start", "status": 200, "headers": []})
    async for piece in ticks():
        await send({"type": "http.response.body", "body": piece, "more_body": True})


ended: list[str] = []


def test_a_stream_that_a_client_leaves_ends_without_the_collector() -> None:
    """Nothing of the worker holds the application, or the generator behind it, any longer."""

    async def script(stage: Stage) -> None:
        reply = stage.request("/ticks/")
        await stage.read(reply)
        stage.layer.close_channel(reply)
        await eventually(lambda: ended == ["/ticks/"])

    gc.collect()
    gc.disable()
    try:
        play(tick, script)
    finally:
        gc.enable()
        ended.clear()


def conversations() -> int:
    """Count those that are alive, by their type: isinstance() wakes lazy objects of Django's."""
    return sum(issubclass(type(each), Conversation) for each in gc.get_objects())


@pytest.mark.parametrize("use", [ask, stream, leave, talk])
def test_short_lives_leave_nothing(use: Any) -> None:
    """After some hundred of them no table is larger than after ten."""

    async def use_often(stage: Stage, times: int) -> dict[str, int]:
        for _ in range(times):
            await use(stage)
        await eventually(lambda: "running | 0" in repr(stage.worker))
        await asyncio.sleep(0)
        gc.collect()
        sizes = stage.layer.node.ask(lambda mesh, now: table_sizes(stage.layer.node))
        return {**sizes, "conversations": conversations()}

    async def script(stage: Stage) -> Any:
        return await use_often(stage, FEW), await use_often(stage, MANY)

    few, many = play(plain, script)
    grown = {name: size for name, size in many.items() if size > few.get(name, 0) + SLACK}

    assert not {name: size for name, size in grown.items() if not name.endswith(REMEMBERED)}
    assert many["conversations"] <= few["conversations"] + 1


def test_a_websocket_waits_for_no_collector() -> None:
    """It is gone as soon as its application has returned."""

    async def script(stage: Stage) -> int:
        gc.collect()
        gc.disable()
        try:
            for _ in range(FEW):
                await talk(stage)
            await eventually(lambda: "running | 0" in repr(stage.worker))
            await asyncio.sleep(0)
            return conversations()
        finally:
            gc.enable()

    assert play(plain, script) <= 1
