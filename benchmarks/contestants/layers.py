"""
The channel layers that are compared, each named by what ``CHANNEL_LAYERS`` would say.

Capacity is raised for all alike, so that what is measured is how fast they are and not how early they refuse.
"""

from __future__ import annotations

import asyncio
import importlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from contestants.brokers import nats_server, redis_server, require_package

__all__ = [
    "NATS",
    "PEERS",
    "PUBSUB",
    "REDIS",
    "Backend",
    "Layer",
    "OpenBackend",
    "close_layer",
    "full_error",
    "mesh",
    "open_layer",
]

NATS: Final = "channels-nats"
REDIS: Final = "channels_redis core"
PUBSUB: Final = "channels_redis pubsub"

CAPACITY: Final = 1_000_000
RAISED: Final = {
    "capacity": CAPACITY,
    "peer_messages": CAPACITY,
    "peer_bytes": 1 << 30,
    "limits": {"queued_messages": CAPACITY},
}
JOIN_WITHIN_S: Final = 20.0
CLOSE_WITHIN_S: Final = 5.0

Message = dict[str, Any]


class Layer(Protocol):
    """What all of them can do."""

    async def send(self, channel: str, message: Message) -> None: ...
    async def receive(self, channel: str) -> Message: ...
    async def new_channel(self) -> str: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_send(self, group: str, message: Message) -> None: ...


@dataclass(frozen=True, slots=True)
class Backend:
    """
    How any process opens the layer; can be pickled, and written as JSON.

    Attributes:
        path: As ``BACKEND`` in ``CHANNEL_LAYERS``.
        settings: As ``CONFIG`` there.
    """

    path: str
    settings: Mapping[str, Any] = field(default_factory=dict)


OpenBackend = Callable[[], AbstractContextManager[Backend]]
"""Starts the broker, if there is one, and ends it on exit. Raises :class:`support.scenario.Missing` on entry."""


@contextmanager
def mesh(*, is_encrypted: bool = False, prefetch: int = 0) -> Iterator[Backend]:
    """Name a new cluster of zmqlayer on this machine."""
    settings = {"cluster": f"benchmark-{secrets.token_hex(4)}", "discovery": "localhost", "prefetch": prefetch}
    if is_encrypted:
        settings["secret"] = secrets.token_hex(32)
    yield Backend("zmqlayer.ChannelLayer", {**settings, **RAISED})


@contextmanager
def _redis(path: str) -> Iterator[Backend]:
    require_package("channels_redis", "channels_redis")
    with redis_server() as port:
        yield Backend(path, {"hosts": [f"redis://127.0.0.1:{port}"], "capacity": CAPACITY})


@contextmanager
def _nats() -> Iterator[Backend]:
    require_package("channels_nats", "channels-nats")
    with nats_server() as port:
        yield Backend("channels_nats.NatsChannelLayer", {"servers": [f"nats://127.0.0.1:{port}"], "capacity": CAPACITY})


PEERS: Final[Mapping[str, OpenBackend]] = {
    NATS: _nats,
    REDIS: partial(_redis, "channels_redis.core.RedisChannelLayer"),
    PUBSUB: partial(_redis, "channels_redis.pubsub.RedisPubSubChannelLayer"),
}
"""Those that zmqlayer is compared with."""


async def open_layer(backend: Backend, peers: int) -> Layer:
    """
    Open the layer in this process, on the running loop.

    Args:
        peers: Other processes that open it too; a mesh is complete on return.

    Raises:
        zmqlayer.NotReady: They did not come within 20 s.
    """
    module, _, name = backend.path.rpartition(".")
    layer: Any = getattr(importlib.import_module(module), name)(**backend.settings)
    if hasattr(type(layer), "ready"):
        await layer.ready(peers=peers, timeout=JOIN_WITHIN_S)
    opened: Layer = layer
    return opened


async def close_layer(layer: Layer) -> None:
    """Say goodbye, where a layer has a word for it; takes at most 5 s."""
    if hasattr(type(layer), "close"):
        close: Any = layer
        await asyncio.wait_for(close.close(), CLOSE_WITHIN_S)


def full_error(layer: Layer) -> type[Exception]:
    """Return what ``send`` raises if there is no room."""
    own: type[Exception] | None = getattr(type(layer), "ChannelFull", None)
    if own is not None:
        return own
    error: type[Exception] = importlib.import_module("channels.exceptions").ChannelFull
    return error
