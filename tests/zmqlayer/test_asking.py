"""Asking: what takes several processes ends with an answer or an error, for threads and for coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from support.doubles import fake_node
from zmqlayer import asking
from zmqlayer.exceptions import LayerClosed, NotAnswered
from zmqlayer.node import Node
from zmqlayer.slot import NodeSlot
from zmqlayer.sync import SyncLayer
from zmqlayer.timing import Timing

NEVER_OVER = 7
"""A token of which the mesh does not speak again."""

Ask = Callable[[SyncLayer], Any]


def impatient() -> Node:
    node = fake_node()
    node.config = replace(node.config, timing=Timing(group_add_timeout_s=0.001))
    return node


@pytest.fixture
def layer() -> Iterator[SyncLayer]:
    """A layer without sockets, with little patience."""
    layer = SyncLayer(NodeSlot(impatient))
    yield layer
    layer.close()


def as_thread(layer: SyncLayer) -> Any:
    return layer._request(lambda mesh, now: NEVER_OVER)


def as_coroutine(layer: SyncLayer) -> Any:
    return asyncio.run(asking.request(layer.node, lambda mesh, now: NEVER_OVER))


def left_open(node: Node) -> int:
    return len(node._board._requests)


@pytest.mark.parametrize("ask", [as_thread, as_coroutine])
def test_what_does_not_end_is_an_error(layer: SyncLayer, ask: Ask) -> None:
    """Nobody takes it for done; and nobody waits for it any more."""
    with pytest.raises(NotAnswered, match="stood still"):
        ask(layer)

    assert left_open(layer.node) == 0


@pytest.mark.parametrize("ask", [as_thread, as_coroutine])
def test_a_layer_that_is_closed_meanwhile_says_so(layer: SyncLayer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """It will never be done."""
    patience_s = asking.patience_s

    def close(node: Node) -> float:
        layer.close()
        return patience_s(node)

    monkeypatch.setattr(asking, "patience_s", close)
    with pytest.raises(LayerClosed):
        ask(layer)


def test_who_is_cancelled_leaves_nothing_open(layer: SyncLayer) -> None:
    """The answer is for nobody."""

    async def main() -> None:
        waiting = asyncio.create_task(asking.request(layer.node, lambda mesh, now: NEVER_OVER))
        await asyncio.sleep(0)
        assert left_open(layer.node) == 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(main())

    assert left_open(layer.node) == 0
