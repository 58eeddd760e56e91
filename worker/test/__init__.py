"""
For tests of projects: consumers run as in a worker, on layers in memory that need no sockets. See ``docs/testing.md``.

The names are those of ``channels.test`` in Channels 1.x. :mod:`zmqlayer.worker.test.fixtures` has fixtures for pytest.
"""

from zmqlayer.worker.test.cases import ChannelTestCase, TransactionChannelTestCase
from zmqlayer.worker.test.client import Client
from zmqlayer.worker.test.live import ChannelLiveServerTestCase
from zmqlayer.worker.test.memory import in_memory_layers
from zmqlayer.worker.test.routes import apply_routes
from zmqlayer.worker.test.websocket import HttpClient, WSClient

__all__ = [
    "ChannelLiveServerTestCase",
    "ChannelTestCase",
    "Client",
    "HttpClient",
    "TransactionChannelTestCase",
    "WSClient",
    "apply_routes",
    "in_memory_layers",
]
