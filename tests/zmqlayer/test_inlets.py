"""An inlet reads for one loop: several messages in one go, and gives back what it did not want."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from support.doubles import fake_node
from zmqlayer.exceptions import InvalidName, LayerClosed
from zmqlayer.inlets import MOST_AT_ONCE, Inlet
from zmqlayer.slot import NodeSlot
from zmqlayer.sync import SyncLayer

WITHIN_S = 5.0


@pytest.fixture
def layer() -> Iterator[SyncLayer]:
    """A layer on a node without sockets."""
    layer = SyncLayer(NodeSlot(partial(fake_node, capacity=2 * MOST_AT_ONCE)))
    yield layer
    if not layer.node.is_closed:
        layer.node.ask(lambda mesh, now: mesh.flush(now))
        layer.close()


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, WITHIN_S))


def test_it_takes_what_is_there(layer: SyncLayer) -> None:
    """Up to as many as are wanted, in order, and then waits for the next."""

    async def main() -> list[Any]:
        inlet, taken = Inlet(layer, ["jobs", "mails"], 16), []
        first = asyncio.create_task(inlet.receive(1))
        await asyncio.sleep(0)
        for n in range(4):
            layer.send("jobs", {"n": n})
        taken += [(await first), await inlet.receive(2), await inlet.receive()]
        inlet.end()
        return [message["n"] for batch in taken for _, message in batch]

    assert run(main()) == [0, 1, 2, 3]


def test_a_bad_name_is_refused(layer: SyncLayer) -> None:
    """Before anything is read."""
    with pytest.raises(InvalidName):
        Inlet(layer, ["no name"], 0)


def test_what_nobody_took_goes_back(layer: SyncLayer) -> None:
    """A pause leaves the messages to others; receiving again ends it."""

    async def main() -> list[Any]:
        inlet = Inlet(layer, ["jobs"], 16)
        for n in range(4):
            layer.send("jobs", {"n": n})
        taken = await inlet.receive(1)
        inlet.pause()
        other = layer.receive(["jobs"])
        return [taken, other, *await inlet.receive(1)]

    assert run(main()) == [[("jobs", {"n": 0})], ("jobs", {"n": 1}), ("jobs", {"n": 2})]


@pytest.mark.parametrize("stop", [Inlet.pause, Inlet.end])
def test_others_that_wait_are_not_robbed(layer: SyncLayer, stop: Callable[[Inlet], None]) -> None:
    """Whoever waits for the same channels gets the next message, although an inlet reads no more."""

    async def main() -> list[Any]:
        inlet = Inlet(layer, ["jobs"], 4)
        reading = asyncio.create_task(inlet.receive())
        await asyncio.sleep(0)
        layer.send("jobs", {"n": 0})
        other = asyncio.create_task(layer.receive_async(["jobs"]))
        taken = await reading
        stop(inlet)
        layer.send("jobs", {"n": 1})
        return [taken, await other]

    assert run(main()) == [[("jobs", {"n": 0})], ("jobs", {"n": 1})]


def test_an_end_while_it_waits_leaves_others_their_turn(layer: SyncLayer) -> None:
    """The inlet stood in front of another receiver when it ended."""

    async def main() -> list[Any]:
        inlet = Inlet(layer, ["jobs"], 4)
        waiting = asyncio.create_task(inlet.receive())
        await asyncio.sleep(0)
        other = asyncio.create_task(layer.receive_async(["jobs"]))
        await asyncio.sleep(0)
        inlet.end()
        layer.send("jobs", {"n": 1})
        return [await waiting, await other]

    assert run(main()) == [[], ("jobs", {"n": 1})]


def test_the_end_wakes_who_waits(layer: SyncLayer) -> None:
    """It gets nothing, then and ever after; what comes is for others."""

    async def main() -> list[Any]:
        inlet = Inlet(layer, ["jobs"], 16)
        waiting = asyncio.create_task(inlet.receive())
        await asyncio.sleep(0)
        inlet.end()
        inlet.end()
        layer.send("jobs", {"n": 1})
        return [await waiting, await inlet.receive(), layer.receive(["jobs"])]

    assert run(main()) == [[], [], ("jobs", {"n": 1})]


def test_one_that_is_cancelled_loses_nothing(layer: SyncLayer) -> None:
    """What came meanwhile is there for the next call."""

    async def main() -> list[Any]:
        inlet = Inlet(layer, ["jobs"], 16)
        waiting = asyncio.create_task(inlet.receive())
        await asyncio.sleep(0)
        layer.send("jobs", {"n": 1})
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return [await inlet.receive()]

    assert run(main()) == [[("jobs", {"n": 1})]]


def test_a_layer_that_is_closed_tells(layer: SyncLayer) -> None:
    """Whoever waits hears of it, and may end the inlet all the same."""

    async def main() -> None:
        inlet = Inlet(layer, ["jobs"], 16)
        waiting = asyncio.create_task(inlet.receive())
        await asyncio.sleep(0)
        await asyncio.to_thread(layer.close)
        with pytest.raises(LayerClosed):
            await waiting
        inlet.end()

    run(main())
