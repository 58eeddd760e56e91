"""``Channel`` and ``Group``."""

from __future__ import annotations

from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.worker_run import Waiting
from zmqlayer.exceptions import ChannelFull, InvalidName
from zmqlayer.worker import Channel, Group, get_channel_layer
from zmqlayer.worker.outbox import Outbox


def test_outside_a_consumer_messages_go_out_at_once(layer: MemoryLayer) -> None:
    """A script or a view that sends need not wait for anything."""
    Channel("thumbnail.make", channel_layer=layer).send({"id": 7})

    assert layer.sent("thumbnail.make") == [{"id": 7}]


def test_outside_a_consumer_a_full_channel_is_an_error() -> None:
    """The sender decides what to do when there is no room."""
    channel = Channel("thumbnail.make", channel_layer=MemoryLayer(capacity=0))

    with pytest.raises(ChannelFull):
        channel.send({"id": 7})


def test_in_a_consumer_messages_wait_for_its_end(layer: MemoryLayer) -> None:
    """Nothing goes out before the consumer is done."""
    outbox = Outbox(Waiting().patience(), "test")
    with outbox:
        Channel("thumbnail.make", channel_layer=layer).send({"id": 7})

    assert layer.waiting("thumbnail.make") == 0
    outbox.flush()
    assert layer.sent("thumbnail.make") == [{"id": 7}]


def test_in_a_consumer_immediately_means_now(layer: MemoryLayer) -> None:
    """``immediately`` does not wait for the consumer's end."""
    with Outbox(Waiting().patience(), "test"):
        Channel("thumbnail.make", channel_layer=layer).send({"id": 7}, immediately=True)

        assert layer.waiting("thumbnail.make") == 1


@pytest.mark.parametrize("content", ["text", None, [1]])
def test_only_dicts_are_messages(layer: MemoryLayer, content: Any) -> None:
    """Anything else is refused where it is sent, also in a consumer."""
    with Outbox(Waiting().patience(), "test"), pytest.raises(TypeError, match="a dict is needed"):
        Channel("a", channel_layer=layer).send(content)


@pytest.mark.parametrize(
    ("kind", "name"), [(Channel, "no spaces"), (Channel, ""), (Group, "no!marks"), (Group, b"\xff")]
)
def test_names_are_checked_at_once(kind: Any, name: Any) -> None:
    """A name outside the grammar is refused where it is written."""
    with pytest.raises(InvalidName):
        kind(name)


def test_bytes_are_names_too(layer: MemoryLayer) -> None:
    """ASCII bytes are accepted, as in Channels 1."""
    assert Channel(b"thumbnail.make", channel_layer=layer).name == "thumbnail.make"


def test_a_group_reaches_its_members(layer: MemoryLayer) -> None:
    """Members may be given as channels or names; those that left get nothing."""
    group = Group("room.lobby", channel_layer=layer)
    group.add(Channel("a!1", channel_layer=layer))
    group.add("a!2")
    group.add("a!3")
    group.discard("a!3")

    group.send({"text": "hi"})

    assert [layer.waiting(name) for name in ("a!1", "a!2", "a!3")] == [1, 1, 0]


def test_joining_a_group_does_not_wait(layer: MemoryLayer) -> None:
    """In a consumer, ``add`` is done when it returns, so what follows can rely on it."""
    outbox = Outbox(Waiting().patience(), "test")
    with outbox:
        group = Group("room.lobby", channel_layer=layer)
        group.add("a!1")
        group.send({"text": "hi"})

    assert layer.groups["room.lobby"] == {"a!1"}
    assert layer.waiting("a!1") == 0
    outbox.flush()
    assert layer.waiting("a!1") == 1


def test_the_settings_choose_the_layer() -> None:
    """Without a layer, the alias decides; it is looked up when it is first needed."""
    channel = Channel("thumbnail.make", alias="default")

    assert channel.channel_layer is get_channel_layer("default")


def test_names_show() -> None:
    """A channel prints as its name."""
    assert (str(Channel("a.b")), repr(Group("c"))) == ("a.b", "<Group c>")
