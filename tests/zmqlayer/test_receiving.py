"""A coroutine that receives, over many channels: cancelled at any moment, it loses nothing and leaves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from support.doubles import fake_node
from zmqlayer.exceptions import InvalidName, LayerClosed
from zmqlayer.slot import NodeSlot
from zmqlayer.sync import SyncLayer

WITHIN_S = 5.0


@pytest.fixture
def layer() -> Iterator[SyncLayer]:
    """A layer on a node without sockets."""
    layer = SyncLayer(NodeSlot(fake_node))
    yield layer
    if not layer.node.is_closed:
        layer.node.ask(lambda mesh, now: mesh.flush(now))
        layer.close()


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, WITHIN_S))


def test_many_channels_are_awaited_together(layer: SyncLayer) -> None:
    """The channel comes with the message; an empty list is answered at once."""
    own = layer.new_channel("reply!")

    async def main() -> list[Any]:
        waiting = asyncio.create_task(layer.receive_async(["jobs", own]))
        await asyncio.sleep(0)
        layer.send(own, {"n": 1})
        return [await waiting, await layer.receive_async([])]

    assert run(main()) == [(own, {"n": 1}), (None, None)]


def test_one_that_is_cancelled_passes_its_wake_on(layer: SyncLayer) -> None:
    """Woken and cancelled in the same moment: the message is for the next."""

    async def main() -> Any:
        first, second = (asyncio.create_task(layer.receive_async(["jobs"])) for _ in range(2))
        await asyncio.sleep(0)
        layer.send("jobs", {"n": 1})
        first.cancel()
        return await second

    assert run(main()) == ("jobs", {"n": 1})


def test_bad_names_and_closed_layers_are_told(layer: SyncLayer) -> None:
    """Before anything waits, and while it waits."""

    async def main() -> None:
        with pytest.raises(InvalidName):
            await layer.receive_async(["a b"])
        waiting = asyncio.create_task(layer.receive_async(["jobs"]))
        await asyncio.sleep(0)
        await asyncio.to_thread(layer.close)
        with pytest.raises(LayerClosed):
            await waiting

    run(main())
