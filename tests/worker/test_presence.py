"""A client that leaves cancels who answers it."""

from __future__ import annotations

import asyncio

import pytest

from support.memory_layer import MemoryLayer
from zmqlayer.worker import Channel
from zmqlayer.worker.exceptions import RequestAborted
from zmqlayer.worker.presence import Presence


@pytest.fixture
def reply(layer: MemoryLayer) -> Channel:
    """A client's reply channel."""
    return Channel(layer.reply_channel(), channel_layer=layer)


def test_who_leaves_cancels(layer: MemoryLayer, reply: Channel) -> None:
    """The block is cancelled where it waits, and the task goes on behind it."""
    steps: list[str] = []

    async def answer() -> None:
        with pytest.raises(RequestAborted, match="is gone"):
            async with Presence(reply) as presence:
                channel = presence.invite()
                assert channel is not None
                layer.send(channel, {"type": "http.disconnect"})
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    steps.append("cancelled")
                    raise
        await asyncio.sleep(0)
        steps.append("went on")

    asyncio.run(answer())

    assert steps == ["cancelled", "went on"]


def test_who_is_asked_once(reply: Channel) -> None:
    """Only one message has to carry the invitation."""

    async def answer() -> list[bool]:
        async with Presence(reply) as presence:
            return [presence.invite() is not None for _ in range(2)]

    assert asyncio.run(answer()) == [True, False]


def test_who_answers_at_once_invites_nobody(layer: MemoryLayer, reply: Channel) -> None:
    """Nothing is sent, and nothing is left running."""

    async def answer() -> set[asyncio.Task[object]]:
        async with Presence(reply):
            pass
        await asyncio.sleep(0)
        return asyncio.all_tasks()

    assert len(asyncio.run(answer())) == 1
    assert layer.sent(reply.name) == []


def test_other_messages_mean_nothing(layer: MemoryLayer, reply: Channel) -> None:
    """What a server of another version may send there ends nobody."""

    async def answer() -> str:
        async with Presence(reply) as presence:
            channel = presence.invite()
            assert channel is not None
            layer.send(channel, {"type": "http.something"})
            await asyncio.sleep(0.01)
            return repr(presence)

    assert asyncio.run(answer()) == f"<Presence at {reply} [told]>"


def test_who_swallows_the_cancellation_goes_on(layer: MemoryLayer, reply: Channel) -> None:
    """Nobody is cancelled twice."""

    async def answer() -> str:
        async with Presence(reply) as presence:
            channel = presence.invite()
            assert channel is not None
            layer.send(channel, {"type": "http.disconnect"})
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.sleep(0)
        return repr(presence)

    assert asyncio.run(answer()).endswith("[gone]>")


def test_another_cancellation_stays_one(reply: Channel) -> None:
    """Who cancels the task for a reason of its own is obeyed."""

    async def answer() -> None:
        async with Presence(reply):
            await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(answer())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_server_that_dies_cancels(layer: MemoryLayer, reply: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was killed says nothing: its clients are found gone when the worker looks again."""
    monkeypatch.setattr("zmqlayer.worker.presence.CROSSED_S", 0.0)
    monkeypatch.setattr("zmqlayer.worker.presence.LOOK_AGAIN_S", 0.01)

    async def answer() -> None:
        async with Presence(reply) as presence:
            presence.invite()
            asyncio.get_running_loop().call_later(0.03, layer.closed.add, reply.name)
            await asyncio.wait_for(asyncio.Event().wait(), 5.0)

    with pytest.raises(RequestAborted, match="is gone"):
        asyncio.run(answer())


def test_a_layer_that_is_closed_cancels_nobody(layer: MemoryLayer, reply: Channel) -> None:
    """The worker ends by itself then."""

    async def answer() -> str:
        async with Presence(reply) as presence:
            presence.invite()
            await asyncio.sleep(0)
            layer.close()
            await asyncio.sleep(0.01)
            return "done"

    assert asyncio.run(answer()) == "done"
