"""An event loop in the place of a reactor: calls on its thread, and none after its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from support.doubles import fake_node
from zmqlayer.exceptions import InvalidMessage
from zmqlayer.layer import AsyncLayer
from zmqlayer.loops import LoopReactor, loop_layer, send_patiently
from zmqlayer.slot import NodeSlot
from zmqlayer.sync import SyncLayer

WITHIN_S = 5.0


@pytest.fixture
def layer() -> Iterator[SyncLayer]:
    """A layer on a node without sockets, with two messages of capacity."""
    layer = SyncLayer(NodeSlot(partial(fake_node, capacity=2)))
    yield layer
    layer.node.ask(lambda mesh, now: mesh.flush(now))
    layer.close()


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, WITHIN_S))


def test_calls_of_other_threads_are_made_on_the_loop() -> None:
    """Whoever asks, the loop's thread calls."""

    async def main() -> int:
        called: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        reactor = LoopReactor(asyncio.get_running_loop())
        call = partial(reactor.callFromThread, lambda: called.set_result(threading.get_ident()))
        threading.Thread(target=call).start()
        return await called

    assert run(main()) == threading.get_ident()


def test_calls_after_the_end_are_dropped() -> None:
    """The node may notice something when the loop is gone."""
    loop = asyncio.new_event_loop()
    loop.close()

    LoopReactor(loop).callFromThread(pytest.fail, "it was called")


def test_calls_wait() -> None:
    """As long as they should, in order."""

    async def main() -> list[str]:
        reactor, calls = LoopReactor(asyncio.get_running_loop()), []
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        reactor.callLater(0.001, done.set_result, None)
        reactor.callLater(0, calls.append, "now")
        await done
        return calls

    assert run(main()) == ["now"]


def test_messages_are_delivered_on_the_loop(layer: SyncLayer) -> None:
    """As to a server's connection."""

    async def main() -> list[Any]:
        got: asyncio.Queue[Any] = asyncio.Queue()
        face = loop_layer(layer)
        channel = face.open_channel("events!", got.put_nowait)
        for n in range(2):
            layer.send(channel.name, {"n": n})
        taken = [await got.get(), await got.get()]
        channel.close()
        face.stop()
        return taken

    assert run(main()) == [{"n": 0}, {"n": 1}]


def test_a_sender_waits_for_room(layer: SyncLayer) -> None:
    """Of several coroutines the first goes on, when there is room; one that was cancelled is passed over."""

    async def main() -> list[Any]:
        face, channel = loop_layer(layer), layer.new_channel("reply!")
        for n in range(2):
            layer.send(channel, {"n": n})
        tasks = [asyncio.create_task(send_patiently(face, channel, {"n": n})) for n in (7, 8, 9)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        taken = [layer.receive([channel])]
        await tasks[1]
        assert not tasks[2].done()
        taken.append(layer.receive([channel]))
        await tasks[2]
        return taken + [layer.receive([channel]) for _ in range(3)]

    assert [message and message["n"] for _, message in run(main())] == [0, 1, 8, 9, None]


def test_a_coroutine_that_receives_makes_room(layer: SyncLayer) -> None:
    """Who waits for room hears at once when a coroutine takes a message that was there already."""

    async def main() -> list[Any]:
        face, channel = loop_layer(layer), layer.new_channel("reply!")
        receiver = AsyncLayer(layer._slot)
        for n in range(2):
            layer.send(channel, {"n": n})
        waiting = asyncio.create_task(send_patiently(face, channel, {"n": 2}))
        await asyncio.sleep(0)
        taken = [await receiver.receive(channel)]
        await waiting
        return taken + [await receiver.receive(channel) for _ in range(2)]

    assert run(main()) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_a_message_that_cannot_be_sent_is_told(layer: SyncLayer) -> None:
    """Also to who waited for room."""

    async def main() -> None:
        face = loop_layer(layer)
        with pytest.raises(InvalidMessage):
            await send_patiently(face, "jobs", {"n": object()})
        for n in range(2):
            layer.send("jobs", {"n": n})
        message: dict[str, Any] = {"n": 2}
        waiting = asyncio.create_task(send_patiently(face, "jobs", message))
        await asyncio.sleep(0)
        message["n"] = object()
        layer.receive(["jobs"])
        with pytest.raises(InvalidMessage):
            await waiting

    run(main())
