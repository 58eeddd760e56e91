"""The module where Channels 1.x has ``HttpClient``."""

from zmqlayer.worker.test.websocket import HttpClient

__all__ = ["HttpClient"]
