"""
A brokerless, zero-configuration channel layer and mesh over ZeroMQ.

::

    layer = zmqlayer.SyncChannelLayer(cluster="demo")
    layer.send("jobs", {"hello": "world"})
"""

from zmqlayer.compose import ChannelLayer, InMemoryChannelLayer, SyncChannelLayer
from zmqlayer.exceptions import (
    ChannelFull,
    ConfigError,
    InvalidMessage,
    InvalidName,
    LayerClosed,
    LimitReached,
    MessageTooLarge,
    NotAnswered,
    NotConfirmed,
    NotReady,
    TransportError,
    ZmqLayerError,
)

__all__ = [
    "ChannelFull",
    "ChannelLayer",
    "ConfigError",
    "InMemoryChannelLayer",
    "InvalidMessage",
    "InvalidName",
    "LayerClosed",
    "LimitReached",
    "MessageTooLarge",
    "NotAnswered",
    "NotConfirmed",
    "NotReady",
    "SyncChannelLayer",
    "TransportError",
    "ZmqLayerError",
]
