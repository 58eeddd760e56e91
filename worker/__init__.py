"""
The worker: Django consumers behind channels, with the names of Channels 1.x.

Add ``"zmqlayer.worker"`` to ``INSTALLED_APPS`` and start workers with ``manage.py runworker``. Names are looked up when
they are first asked for, so that :mod:`zmqlayer.worker.asgi` runs applications where no Django is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from zmqlayer.worker.channel import Channel, Group
    from zmqlayer.worker.exceptions import InvalidChannelLayerError
    from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, channel_layers, get_channel_layer
    from zmqlayer.worker.message import Message
    from zmqlayer.worker.routing import include, route, route_class
    from zmqlayer.worker.sessions import channel_session

__all__ = [
    "DEFAULT_CHANNEL_LAYER",
    "Channel",
    "Group",
    "InvalidChannelLayerError",
    "Message",
    "channel_layers",
    "channel_session",
    "get_channel_layer",
    "include",
    "route",
    "route_class",
]

PLACES: Final = {
    "DEFAULT_CHANNEL_LAYER": "layers",
    "Channel": "channel",
    "Group": "channel",
    "InvalidChannelLayerError": "exceptions",
    "Message": "message",
    "channel_layers": "layers",
    "channel_session": "sessions",
    "get_channel_layer": "layers",
    "include": "routing",
    "route": "routing",
    "route_class": "routing",
}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)
