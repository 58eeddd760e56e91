"""What a project on Channels 4 does with its layer: each test has an event loop of its own."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.exceptions import ChannelFull, InvalidChannelLayerError, MessageTooLarge
from channels.layers import channel_layers, get_channel_layer
from channels.routing import ChannelNameRouter
from channels.testing import WebsocketCommunicator
from channels.worker import Worker
from django.test import override_settings
from project import CHANNEL_LAYERS, Jobs, saved, websockets

WITHIN_S = 10.0


@asynccontextmanager
async def connected(route: str) -> AsyncIterator[WebsocketCommunicator]:
    """A WebSocket, as a browser opens and closes it."""
    socket = WebsocketCommunicator(websockets, route)
    assert (await socket.connect(WITHIN_S))[0]
    yield socket
    await socket.disconnect(timeout=WITHIN_S)


async def heard(socket: WebsocketCommunicator) -> str:
    return str((await socket.receive_json_from(WITHIN_S))["text"])


# One layer, many loops


@pytest.mark.parametrize("turn", range(5))
async def test_the_layer_outlives_the_loop(turn: int) -> None:
    """The same layer serves one test after the other; what one left waiting is no trouble for the next."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    abandoned = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0)
    await layer.group_add("loops", channel)
    await layer.group_send("loops", {"type": "x", "turn": turn})

    assert (await abandoned)["turn"] == turn
    asyncio.create_task(layer.receive(channel)).add_done_callback(lambda task: None)
    await asyncio.sleep(0)


def test_threads_and_loops_come_and_go() -> None:
    """Eight threads, each with twenty loops one after the other, as views behind ``async_to_sync`` have."""
    layer = get_channel_layer()

    def view(number: int) -> list[int]:
        channel = async_to_sync(layer.new_channel)()
        got = []
        for n in range(20):
            async_to_sync(layer.send)(channel, {"type": "x", "n": 100 * number + n})
            got.append(async_to_sync(layer.receive)(channel)["n"])
        return got

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(view, range(8), timeout=WITHIN_S))
        nodes = [thread.name for thread in threading.enumerate() if thread.name.startswith("zmqlayer")]

    assert len(nodes) == 1
    assert results == [[100 * number + n for n in range(20)] for number in range(8)]


def test_a_loop_that_is_closed_under_a_receiver_takes_nothing_along() -> None:
    """The message is there for whoever asks next, on another loop."""
    layer = get_channel_layer()
    loop = asyncio.new_event_loop()
    channel = loop.run_until_complete(layer.new_channel())
    waiting = loop.create_task(layer.receive(channel))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    waiting._log_destroy_pending = False  # it is meant to be abandoned

    async_to_sync(layer.send)(channel, {"type": "x"})

    assert async_to_sync(layer.receive)(channel) == {"type": "x"}
    waiting.get_coro().close()


# Consumers


@pytest.mark.parametrize("route", ["chat/", "sync-chat/"])
async def test_consumers_share_a_room(route: str) -> None:
    """Two connections of one kind, and one of the other, hear what one of them says."""
    async with connected(route) as one, connected(route) as two, connected("chat/") as three:
        await one.send_json_to({"text": "hello"})

        assert [await heard(socket) for socket in (one, two, three)] == ["hello"] * 3


async def test_a_closed_connection_hears_nothing() -> None:
    """group_discard when it leaves; those who stay go on."""
    async with connected("chat/") as stays:
        async with connected("sync-chat/"):
            pass
        await stays.send_json_to({"text": "alone"})

        assert await heard(stays) == "alone"


async def test_signals_speak_from_any_thread() -> None:
    """From a thread without a loop, and from a thread that a coroutine waits for."""
    async with connected("chat/") as socket:
        thread = threading.Thread(target=saved.send, args=("test",), kwargs={"text": "from a thread"})
        thread.start()
        await asyncio.to_thread(thread.join)
        await sync_to_async(saved.send)("test", text="from a view")

        assert [await heard(socket), await heard(socket)] == ["from a thread", "from a view"]


async def test_a_consumer_catches_what_channels_calls_it() -> None:
    """``except channels.exceptions.ChannelFull`` is enough."""
    async with connected("chat/") as socket:
        await socket.send_json_to({"text": "fill"})

        assert await heard(socket) == "full"
    await get_channel_layer().flush()


async def test_a_worker_runs_jobs() -> None:
    """What ``runworker jobs`` does, until it is cancelled."""
    layer = get_channel_layer()
    worker = Worker(ChannelNameRouter({"jobs": Jobs.as_asgi()}), ["jobs"], layer)
    running = asyncio.create_task(worker.handle())
    answers = await layer.new_channel()
    for n in range(10):
        await layer.send("jobs", {"type": "job", "n": n, "answer": answers})

    assert [(await layer.receive(answers))["n"] for _ in range(10)] == list(range(10))
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


# Errors and settings


@pytest.mark.parametrize(("channel", "capacity"), [("small.jobs", 2), ("tiny.jobs", 1), ("other", 100)])
async def test_capacities_and_errors_are_those_of_channels(channel: str, capacity: int) -> None:
    """By pattern, exact, and raised as Channels' own classes."""
    layer = get_channel_layer()
    for _ in range(capacity):
        await layer.send(channel, {"type": "x"})

    with pytest.raises(ChannelFull):
        await layer.send(channel, {"type": "x"})
    with pytest.raises(MessageTooLarge):
        await layer.send(channel, {"type": "x", "body": bytes(2**20)})
    for use in (layer.send("a b", {}), layer.receive("a b"), layer.group_add("a!b", "x"), layer.group_send("ä", {})):
        with pytest.raises(TypeError):
            await use
    await layer.flush()


def test_wrong_settings_are_errors_of_channels() -> None:
    """And they say which setting is wrong."""
    with pytest.raises(InvalidChannelLayerError, match="capacity"):
        get_channel_layer("wrong")


async def test_the_test_config_gives_a_layer_apart() -> None:
    """What is sent to the layer for tests does not reach the other, and the other way round."""
    layer, default = channel_layers.make_test_backend("default"), get_channel_layer()
    await layer.send("apart", {"n": 1})
    await default.send("apart", {"n": 2})

    assert (layer.capacity, await layer.receive("apart"), await default.receive("apart")) == (3, {"n": 1}, {"n": 2})
    await layer.close()


async def test_no_settings_are_needed() -> None:
    """A backend without CONFIG works."""
    layer = get_channel_layer("plain")
    await layer.send("plain", {"n": 1})

    assert await layer.receive("plain") == {"n": 1}
    await layer.close()


async def test_a_layer_that_settings_dropped_ends() -> None:
    """``override_settings`` makes Channels forget its layers; their threads and sockets go with them."""
    changed: dict[str, Any] = {"default": {**CHANNEL_LAYERS["default"], "CONFIG": {"discovery": "off"}}}
    with override_settings(CHANNEL_LAYERS=changed):
        layer = get_channel_layer()
        await layer.send("dropped", {"n": 1})
        assert await layer.receive("dropped") == {"n": 1}
        thread = layer.node._thread
        del layer
    gc.collect()

    await asyncio.to_thread(thread.join, WITHIN_S)

    assert not thread.is_alive()
