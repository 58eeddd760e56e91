"""
Fixtures for pytest. Put this into your ``conftest.py``::

    pytest_plugins = ["zmqlayer.worker.test.fixtures"]

They need no pytest-django, but for tests that use the database or log in a user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from zmqlayer.worker.layers import WorkerLayer, get_channel_layer
from zmqlayer.worker.test.client import Client
from zmqlayer.worker.test.memory import in_memory_layers
from zmqlayer.worker.test.routes import apply_routes
from zmqlayer.worker.test.websocket import WSClient

__all__ = ["channel_client", "channel_layer", "channel_routes", "ws_client"]


@pytest.fixture
def channel_layer() -> Iterator[WorkerLayer]:
    """The default layer, in memory and empty, as all others of ``CHANNEL_LAYERS`` are while the test runs."""
    with in_memory_layers():
        yield get_channel_layer()


@pytest.fixture
def channel_client(channel_layer: WorkerLayer) -> Client:
    """Somebody who sends messages, has them consumed, and reads the answers."""
    return Client()


@pytest.fixture
def ws_client(channel_layer: WorkerLayer) -> WSClient:
    """A browser with one WebSocket."""
    return WSClient()


@pytest.fixture
def channel_routes() -> Iterator[Callable[..., None]]:
    """A function that puts other routes in force until the test's end; its arguments are those of ``apply_routes``."""
    applied: list[apply_routes] = []

    def put(*args: Any, **options: Any) -> None:
        routes = apply_routes(*args, **options)
        routes.__enter__()
        applied.append(routes)

    yield put
    for routes in reversed(applied):
        routes.__exit__(None, None, None)
