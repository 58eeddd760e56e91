"""The asynchronous face: what cancellation and timeouts leave behind, which is nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from support.doubles import FakeDiscovery, fake_node, stepping
from zmqlayer.config import Timing
from zmqlayer.exceptions import InvalidName, NotReady
from zmqlayer.layer import AsyncLayer
from zmqlayer.mesh import Mesh
from zmqlayer.slot import NodeSlot


@pytest.fixture
def layer() -> Iterator[Any]:
    """A layer on a node without sockets."""
    layer = AsyncLayer(NodeSlot(fake_node))
    yield layer
    layer.node.ask(lambda mesh, now: mesh.flush(now))
    layer.node.close()


def waiting_in(layer: Any) -> int:
    """Return how many receivers, requests and conditions a node keeps."""
    board = layer.node._board
    return len(board._receivers) + len(board._requests) + len(board._results) + len(board._conditions)


def test_both_faces_share_a_node(layer: Any) -> None:
    """What one face sends the other receives."""
    asyncio.run(layer.send("jobs", {"n": 1}))

    assert layer.sync.node is layer.node
    assert layer.sync.receive(["jobs"]) == ("jobs", {"n": 1})


def test_a_cancelled_receive_leaves_nothing(layer: Any) -> None:
    """No receiver stays behind, and nobody counts as waiting."""

    async def main() -> None:
        waiting = [asyncio.create_task(layer.receive(name)) for name in ("jobs", "jobs", "other")]
        await asyncio.sleep(0)
        assert waiting_in(layer) == 2
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(main())

    assert waiting_in(layer) == 0


def test_a_message_that_is_none_is_passed_over(layer: Any) -> None:
    """A receiver goes on waiting for the next message."""

    async def main() -> object:
        layer.node.ask(lambda mesh, now: mesh.send("jobs", b"\xc1", now))
        await layer.send("jobs", {"n": 1})
        return await layer.receive("jobs")

    assert asyncio.run(asyncio.wait_for(main(), 5)) == {"n": 1}
    assert layer.statistics()["malformed"] == 1


def test_a_wait_for_peers_that_is_cancelled_leaves_nothing(layer: Any) -> None:
    """Neither do waits that time out."""

    async def main() -> None:
        waiting = asyncio.create_task(layer.ready(3))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        with pytest.raises(NotReady):
            await layer.ready(3, timeout=0.01)

    asyncio.run(main())

    assert waiting_in(layer) == 0


def test_peers_that_were_ready_at_the_same_time_are_enough(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """That one of them is silent again when the coroutine wakes is no reason to say that they never were."""
    layer.start()
    counts = iter([0, 0, 2])
    monkeypatch.setattr(Mesh, "ready_peers", property(lambda mesh: next(counts, 1)))

    with stepping(layer.node):
        assert asyncio.run(layer.ready(2, timeout=5.0)) == 2


def test_a_join_that_does_not_end_is_given_up() -> None:
    """Group methods wait for the mesh for a bounded time, even if discovery never settles."""
    node = fake_node(discovery=FakeDiscovery(settles=False))
    node.config = type(node.config)(discovery="off", timing=Timing(join_timeout_s=0.01))
    layer = AsyncLayer(NodeSlot(lambda: node))

    asyncio.run(layer.group_send("room", {"n": 1}))

    node.close()


@pytest.mark.parametrize("prefix", ["specific", "websocket.send", "x!", "body?"])
def test_prefixes_and_patterns_make_names(layer: Any, prefix: str) -> None:
    """A plain prefix is one for a process channel."""
    name = asyncio.run(layer.new_channel(prefix))

    assert name.startswith(prefix.rstrip("!?"))
    assert ("?" if prefix.endswith("?") else "!") in name


def test_a_bad_prefix_is_refused(layer: Any) -> None:
    """The grammar holds here too."""
    with pytest.raises(InvalidName):
        asyncio.run(layer.new_channel("a b"))
