"""
``settings.CHANNEL_LAYERS``: one layer per alias and process, built when it is first needed.

A worker uses the blocking face of a layer. A backend that has one as ``.sync`` gives it; a backend that
is one is used as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from zmqlayer.config import Config
from zmqlayer.messages import Message as Content
from zmqlayer.names import NodeId
from zmqlayer.worker.exceptions import InvalidChannelLayerError
from zmqlayer.worker.found import Peer
from zmqlayer.worker.sharing import share, shared, take_back

__all__ = [
    "DEFAULT_CHANNEL_LAYER",
    "ChannelLayers",
    "WorkerLayer",
    "channel_layers",
    "get_channel_layer",
    "layer_settings",
]

DEFAULT_CHANNEL_LAYER: Final = "default"

EXAMPLE: Final = '{"default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": {}}}'


class ConfiguredNode(Protocol):
    """A node, as far as its settings go."""

    @property
    def config(self) -> Config:
        """Its settings."""


class WorkerLayer(Protocol):
    """What a worker needs of a channel layer: the blocking contract of the 2016 draft, and a name in the mesh."""

    role: str
    """What this node is to others; set it before the layer starts."""

    @property
    def node_id(self) -> NodeId:
        """Who this node is."""

    @property
    def node(self) -> ConfiguredNode:
        """What the layer runs on."""

    def read_ahead(self, prefetch: int) -> None:
        """Hold so many messages that no thread waits for yet, unless the settings say how many; before the start."""

    def work_in_batches(self) -> None:
        """Where processors are busy, rather move more messages at a time than each at once; before the start."""

    def start(self) -> None:
        """Join the mesh now, and not at the first use."""

    def is_open(self, channel: str) -> bool:
        """Whether a message to *channel* may be read: as far as is known its owner neither is gone nor closed it."""

    def peers(self) -> Sequence[Peer]:
        """Return the other nodes that this one is linked to, or about to be."""

    def send(self, channel: str, message: Content) -> None:
        """Send one message at once, or raise ``ChannelFull``, ``MessageTooLarge`` or ``InvalidMessage``."""

    def send_group(self, group: str, message: Content) -> None:
        """Send one message to the members of a group; full members miss it."""

    def group_add(self, group: str, channel: str) -> None:
        """Add a channel to a group; every later message to the group reaches it."""

    def group_discard(self, group: str, channel: str) -> None:
        """Remove a channel from a group."""

    async def send_group_async(self, group: str, message: Content) -> None:
        """Send one message to the members of a group, from a coroutine."""

    async def group_add_async(self, group: str, channel: str) -> None:
        """Add a channel to a group, from a coroutine."""

    async def group_discard_async(self, group: str, channel: str) -> None:
        """Remove a channel from a group, from a coroutine."""

    def new_channel(self, pattern: str) -> str:
        """Return an unused channel name; *pattern* ends in ``!`` or ``?``."""

    async def receive_async(self, channels: Sequence[str]) -> tuple[str, Content] | tuple[None, None]:
        """Return a message of one of *channels*, waiting as long as it takes, from a coroutine."""

    def receive(
        self, channels: Sequence[str], block: bool = False, timeout: float = ...
    ) -> tuple[str, Content] | tuple[None, None]:
        """Return a message of one of *channels*, or (None, None) if none came in *timeout* seconds."""

    def wait_until_read(self, prefix: str, timeout: float) -> bool:
        """Wait until all that was sent to channels that begin with *prefix* is taken; whether it is, in time."""

    def interrupt(self) -> None:
        """Make every waiting ``receive`` return (None, None)."""

    def close(self) -> None:
        """Leave the mesh. The layer cannot be used again."""


class ChannelLayers:
    """The layers of this process by alias. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._layers: dict[str, WorkerLayer] = {}
        self._backends: dict[str, Any] = {}
        self._overrides: dict[str, dict[str, Any]] = {}

    def __repr__(self) -> str:
        return f"<ChannelLayers [{', '.join(sorted(self._layers)) or 'none built'}]>"

    def __getitem__(self, alias: str) -> WorkerLayer:
        """
        Return the layer of *alias*, built now if this is its first use.

        Raises:
            InvalidChannelLayerError: The setting has no such alias, or no usable backend under it.
            ConfigError: A value of ``CONFIG`` cannot work.
        """
        layer = self._layers.get(alias)
        if layer is not None:
            return layer
        with self._lock:
            if alias not in self._layers:
                self._add(alias)
            return self._layers[alias]

    def backend(self, alias: str) -> Any:
        """
        Return what ``BACKEND`` made for *alias*: the layer as Channels 4 uses it. Raises as ``[alias]`` does.

        Where Channels is installed, ``channels.layers.get_channel_layer`` returns the same object.
        """
        layer = self[alias]
        return self._backends.get(alias, layer)

    def override(self, alias: str, config: Mapping[str, Any]) -> None:
        """
        Let *config* win over the ``CONFIG`` of *alias*.

        Raises:
            InvalidChannelLayerError: The layer exists already.
        """
        with self._lock:
            if alias in self._layers:
                raise InvalidChannelLayerError(alias, "is in use already, so its settings can no longer be changed")
            self._overrides.setdefault(alias, {}).update(config)

    def put(self, alias: str, backend: Any) -> None:
        """
        Use *backend* for *alias*, whatever the settings say.

        Args:
            backend: A layer for coroutines with a blocking face, or a blocking one.
        """
        with self._lock:
            self._put(alias, backend)

    @contextmanager
    def replaced(self, backends: Mapping[str, Any]) -> Iterator[None]:
        """
        Use *backends* by alias, and no other layers, in this context; afterwards those of before. For tests.

        Whatever was built in the context is closed at its end, *backends* too.
        """
        with self._lock:
            before = self._layers, self._backends, self._overrides
            self._layers, self._backends, self._overrides = {}, {}, {}
            for alias, backend in backends.items():
                self._put(alias, backend)
        try:
            yield
        finally:
            self.close()
            with self._lock:
                self._layers, self._backends, self._overrides = before
                for alias, backend in self._backends.items():
                    share(alias, backend)

    def close(self) -> None:
        """Close every layer that was built, and forget it; the next use builds a new one."""
        with self._lock:
            layers, self._layers = self._layers, {}
            backends, self._backends = self._backends, {}
            self._overrides = {}
        for alias, backend in backends.items():
            take_back(alias, backend)
        for layer in layers.values():
            layer.close()

    def _add(self, alias: str) -> None:
        overrides = self._overrides.get(alias, {})
        backend = None if overrides else shared(alias)
        if backend is None:
            backend = _build(alias, overrides)
        self._put(alias, backend)

    def _put(self, alias: str, backend: Any) -> None:
        self._layers[alias] = _blocking_face(alias, backend)
        self._backends[alias] = backend
        share(alias, backend)


channel_layers: Final = ChannelLayers()
"""The layers of this process."""


def get_channel_layer(alias: str = DEFAULT_CHANNEL_LAYER) -> WorkerLayer:
    """
    Return this process's layer for *alias* of ``settings.CHANNEL_LAYERS``, in its blocking form.

    Raises:
        InvalidChannelLayerError: The setting has no such alias, or no usable backend under it.
        ConfigError: A value of ``CONFIG`` cannot work.
    """
    return channel_layers[alias]


def layer_settings(alias: str) -> Mapping[str, Any]:
    """
    Return the entry of *alias* in ``settings.CHANNEL_LAYERS``.

    Raises:
        InvalidChannelLayerError: There is none.
    """
    configured = getattr(settings, "CHANNEL_LAYERS", None)
    if not configured:
        raise InvalidChannelLayerError(alias, f"is missing: the settings need CHANNEL_LAYERS = {EXAMPLE}")
    if alias not in configured:
        raise InvalidChannelLayerError(alias, f"is missing; the settings have {', '.join(sorted(configured))}")
    entry = configured[alias]
    if not isinstance(entry, Mapping) or not isinstance(entry.get("BACKEND"), str):
        raise InvalidChannelLayerError(alias, 'needs a BACKEND, like "zmqlayer.ChannelLayer"')
    return entry


def _build(alias: str, overrides: Mapping[str, Any]) -> Any:
    entry = layer_settings(alias)
    try:
        backend = import_string(entry["BACKEND"])
    except ImportError as exc:
        raise InvalidChannelLayerError(alias, f"has a BACKEND that cannot be imported: {exc}") from exc
    return backend(**{**entry.get("CONFIG", {}), **overrides})


def _blocking_face(alias: str, backend: Any) -> WorkerLayer:
    blocking = getattr(backend, "sync", backend)
    if not hasattr(blocking, "send_group"):
        named = layer_settings(alias)["BACKEND"]
        raise InvalidChannelLayerError(
            alias, f"has BACKEND {named!r}, which no worker can use; 'zmqlayer.ChannelLayer' is one it can"
        )
    face: WorkerLayer = blocking
    return face
