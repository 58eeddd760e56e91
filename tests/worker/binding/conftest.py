"""Bindings of these tests are connected while their test runs, and only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.notes.models import Board, Note
from zmqlayer.worker.binding import Binding
from zmqlayer.worker.layers import channel_layers


def bindings() -> Iterator[type[Binding]]:
    """Iterate over all that have a model."""
    unseen = Binding.__subclasses__()
    while unseen:
        binding = unseen.pop()
        unseen.extend(binding.__subclasses__())
        if isinstance(binding.model, type):
            yield binding


@pytest.fixture(autouse=True)
def disconnected(layer: MemoryLayer) -> Iterator[None]:
    """Let groups be of the test's layer, and leave no binding connected."""
    for binding in bindings():
        binding.unregister()
    channel_layers.put("default", layer)
    yield
    channel_layers.close()
    for binding in bindings():
        binding.unregister()


@pytest.fixture
def board(database: None) -> Board:
    """A board without notes."""
    return Board.objects.create(name="kitchen")


@pytest.fixture
def write(board: Board) -> Callable[..., Note]:
    """Store notes."""

    def store(**values: Any) -> Note:
        return Note.objects.create(**{"board": board, "title": "milk", "text": "buy some", **values})

    return store
