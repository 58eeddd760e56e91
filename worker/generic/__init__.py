"""
Consumers that are classes: each method takes the messages of one channel.

:mod:`zmqlayer.worker.generic.websockets` has those for WebSockets.
"""

from zmqlayer.worker.generic.base import BaseConsumer

__all__ = ["BaseConsumer"]
