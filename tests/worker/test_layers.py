"""``CHANNEL_LAYERS``: from settings to layers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import channels.layers
import pytest

from support.memory_layer import MemoryBackend, MemoryLayer
from zmqlayer.names import NodeId
from zmqlayer.worker import get_channel_layer
from zmqlayer.worker.exceptions import InvalidChannelLayerError
from zmqlayer.worker.layers import ChannelLayers, channel_layers

OTHER_NODE = NodeId(b"o" * 16)


@pytest.fixture
def layers() -> Iterator[ChannelLayers]:
    """Layers of a process of their own."""
    channels.layers.channel_layers.backends.clear()
    layers = ChannelLayers()
    yield layers
    layers.close()
    channels.layers.channel_layers.backends.clear()


@pytest.fixture
def backend(settings: Any, monkeypatch: pytest.MonkeyPatch) -> type[MemoryBackend]:
    """Settings that name a backend with a blocking face, which counts how often it is built."""
    monkeypatch.setattr(MemoryBackend, "built", 0)
    config = {"capacity": 7, "cluster": "blue"}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "support.memory_layer.MemoryBackend", "CONFIG": config}}
    return MemoryBackend


def test_a_layer_is_built_once(layers: ChannelLayers, backend: type[MemoryBackend]) -> None:
    """However many threads ask first, there is one layer for an alias."""
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(layers["default"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert backend.built == 1
    assert len({id(layer) for layer in found}) == 1


def test_workers_get_the_blocking_face(layers: ChannelLayers, backend: type[MemoryBackend]) -> None:
    """CONFIG is given to the backend, and its ``sync`` is what workers use."""
    layer = layers["default"]

    assert isinstance(layer, MemoryLayer)
    assert layer.given == {"capacity": 7, "cluster": "blue"}


def test_overrides_win(layers: ChannelLayers, backend: type[MemoryBackend]) -> None:
    """What the command line says wins over CONFIG, name by name."""
    layers.override("default", {"cluster": "green"})

    layer = layers["default"]

    assert isinstance(layer, MemoryLayer)
    assert layer.given == {"capacity": 7, "cluster": "green"}


def test_overrides_come_too_late(layers: ChannelLayers, backend: type[MemoryBackend]) -> None:
    """A layer that is in use keeps its settings."""
    layers["default"]

    with pytest.raises(InvalidChannelLayerError, match="in use already"):
        layers.override("default", {"cluster": "green"})


def test_closing(layers: ChannelLayers, backend: type[MemoryBackend]) -> None:
    """Closed layers are forgotten; the next use builds a new one."""
    before = layers["default"]

    layers.close()

    assert isinstance(before, MemoryLayer)
    assert before.is_closed
    assert layers["default"] is not before


def test_a_given_layer_is_used(layers: ChannelLayers, layer: MemoryLayer) -> None:
    """A layer can be put in the settings' place."""
    layers.put("default", layer)

    assert layers["default"] is layer
    assert repr(layers) == "<ChannelLayers [default]>"


@pytest.mark.parametrize(
    ("configured", "sentence"),
    [
        ({}, r"is missing: the settings need CHANNEL_LAYERS = \{"),
        ({"other": {"BACKEND": "x"}}, "is missing; the settings have other"),
        ({"default": {}}, "needs a BACKEND"),
        ({"default": "zmqlayer.ChannelLayer"}, "needs a BACKEND"),
        ({"default": {"BACKEND": "nowhere.Layer"}}, "cannot be imported: No module named 'nowhere'"),
        ({"default": {"BACKEND": "support.memory_layer.ForeignBackend"}}, "which no worker can use"),
    ],
)
def test_mistakes_are_named(
    layers: ChannelLayers, backend: type[MemoryBackend], settings: Any, configured: Any, sentence: str
) -> None:
    """Each wrong setting has a sentence that says what is needed."""
    settings.CHANNEL_LAYERS = configured

    with pytest.raises(InvalidChannelLayerError, match=sentence):
        layers["default"]


def test_the_process_has_one_registry(layer: MemoryLayer) -> None:
    """``get_channel_layer`` asks the registry of the process."""
    channel_layers.put("extra", layer)

    assert get_channel_layer("extra") is layer
    channel_layers.close()


def test_channels_gives_the_same_layer(layers: ChannelLayers, backend: type[MemoryBackend]) -> None:
    """A consumer of Channels 4 in this process uses the worker's node, not one more of its own."""
    layer = layers["default"]

    found = channels.layers.get_channel_layer()

    assert found is layers.backend("default")
    assert found is not None
    assert found.sync is layer
    assert backend.built == 1


def test_a_layer_that_channels_built_is_taken_over(layers: ChannelLayers, backend: type[MemoryBackend]) -> None:
    """Likewise if Channels was asked first, as at the import of a module."""
    found = channels.layers.get_channel_layer()

    assert layers.backend("default") is found
    assert backend.built == 1


def test_a_closed_layer_is_taken_from_channels(layers: ChannelLayers, backend: type[MemoryBackend]) -> None:
    """It would be of no use to it."""
    before = layers.backend("default")

    layers.close()

    assert channels.layers.get_channel_layer() is not before


def test_what_was_put_is_its_own_backend(layers: ChannelLayers, layer: MemoryLayer) -> None:
    """A layer that no setting made has no other face."""
    layers.put("extra", layer)

    assert layers.backend("extra") is layer


def test_layers_are_replaced_for_a_while(layers: ChannelLayers, backend: type[MemoryBackend]) -> None:
    """As for a test: Channels sees the replacement too, and afterwards everything is as before."""
    before = layers.backend("default")

    with layers.replaced({"default": (other := MemoryBackend())}):
        inside = layers.backend("default"), channels.layers.get_channel_layer()

    assert inside == (other, other)
    assert other.sync.is_closed
    assert (layers.backend("default"), channels.layers.get_channel_layer()) == (before, before)
    assert not before.sync.is_closed
