"""
One layer for this process, whichever library asks for it: Channels keeps its own registry of ``CHANNEL_LAYERS``.

A layer that is built here is put there too, so that ``channels.layers.get_channel_layer`` gives the same object on the
same node; and one that Channels built first is taken over. Without Channels nothing happens. Used by ``layers.py``.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

__all__ = ["share", "shared", "take_back"]


def shared(alias: str) -> Any:
    """Return the layer that Channels has built for *alias*; None if it has none."""
    registry = _registry()
    return registry.backends.get(alias) if registry is not None else None


def share(alias: str, backend: object) -> None:
    """Let Channels give *backend* to who asks it for *alias*."""
    registry = _registry()
    if registry is not None:
        registry.set(alias, backend)


def take_back(alias: str, backend: object) -> None:
    """Let Channels build a layer of its own the next time it is asked for *alias*, if it still has *backend*."""
    registry = _registry()
    if registry is not None and registry.backends.get(alias) is backend:
        del registry.backends[alias]


@cache
def _registry() -> Any:
    if find_spec("channels") is None:
        return None
    from channels.layers import channel_layers  # an optional package

    return channel_layers
