"""``in_memory_layers``: every layer of ``CHANNEL_LAYERS`` in memory, fresh, for as long as a test runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from zmqlayer import InMemoryChannelLayer
from zmqlayer.config import SETTINGS
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, channel_layers

__all__ = ["in_memory_layers", "memory_backends"]


@contextmanager
def in_memory_layers() -> Iterator[None]:
    """
    Replace all layers by empty ones in memory, whatever their ``BACKEND``; at the end the old ones are back.

    ``TEST_CONFIG`` of an alias, or else its ``CONFIG``, still says what capacity, expiry and the like are. Without
    ``CHANNEL_LAYERS`` there is a layer ``"default"``.

    Raises:
        ConfigError: One of these cannot work.
    """
    with channel_layers.replaced(memory_backends()):
        yield


def memory_backends() -> dict[str, InMemoryChannelLayer]:
    """
    Return a new layer in memory for each alias.

    Raises:
        ConfigError: ``CONFIG`` or ``TEST_CONFIG`` cannot work.
    """
    configured = getattr(settings, "CHANNEL_LAYERS", None) or {DEFAULT_CHANNEL_LAYER: {}}
    return {alias: InMemoryChannelLayer(**_config(entry)) for alias, entry in configured.items()}


def _config(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of an entry, without those that only other backends know."""
    known = {setting.name for setting in SETTINGS}
    config: dict[str, Any] = entry.get("TEST_CONFIG", entry.get("CONFIG", {}))
    return {name: value for name, value in config.items() if name in known}
