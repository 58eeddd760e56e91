"""A response on its way."""

from __future__ import annotations

import asyncio

import pytest

from support.memory_layer import MemoryLayer
from zmqlayer.exceptions import ChannelFull
from zmqlayer.worker import Channel
from zmqlayer.worker.answer import Answer
from zmqlayer.worker.exceptions import RequestAborted


@pytest.fixture
def answer(layer: MemoryLayer) -> Answer:
    """An answer to a client."""
    return Answer(Channel(layer.reply_channel(), channel_layer=layer))


def test_parts_are_numbered(layer: MemoryLayer, answer: Answer) -> None:
    """From threads and coroutines alike."""
    answer.send({"status": 200, "content": b"a", "more_content": True})
    asyncio.run(answer.asend({"content": b"b", "more_content": False}))

    assert [part["order"] for part in layer.sent(answer.reply.name)] == [0, 1]
    assert answer.is_over


@pytest.mark.parametrize("is_begun", [True, False])
def test_one_that_breaks_off(layer: MemoryLayer, answer: Answer, is_begun: bool) -> None:
    """Is cut if it has begun, and a 500 if it has not."""
    if is_begun:
        answer.send({"status": 200, "content": b"a", "more_content": True})

    answer.end()

    last = layer.sent(answer.reply.name)[-1]
    assert (last.get("closed"), last.get("status")) == ((True, None) if is_begun else (None, 500))


def test_one_that_is_whole_ends_in_silence(layer: MemoryLayer, answer: Answer) -> None:
    """There is nothing more to say."""
    answer.send({"status": 200, "content": b"a", "more_content": False})

    answer.end()

    assert len(layer.sent(answer.reply.name)) == 1


def test_one_that_nobody_reads(layer: MemoryLayer, answer: Answer) -> None:
    """Ends with its next part."""
    answer.send({"status": 200, "content": b"a", "more_content": True})
    layer.closed.add(answer.reply.name)

    with pytest.raises(RequestAborted, match="nobody reads"):
        answer.send({"content": b"b", "more_content": True})
    with pytest.raises(RequestAborted, match="nobody reads"):
        asyncio.run(answer.asend({"content": b"b", "more_content": True}))


@pytest.mark.parametrize("is_there", [True, False])
def test_no_room_outside_a_consumer(layer: MemoryLayer, answer: Answer, is_there: bool) -> None:
    """Nobody waits there; a reader who is gone is not to blame for the room."""
    layer.capacity = 0
    if not is_there:
        layer.closed.add(answer.reply.name)

    with pytest.raises(ChannelFull if is_there else RequestAborted):
        answer.send({"status": 200, "content": b"a", "more_content": True})
    with pytest.raises(ChannelFull if is_there else RequestAborted):
        asyncio.run(answer.asend({"status": 200, "content": b"a", "more_content": True}))
