"""The module where Channels 1.x has its test cases, ``Client`` and ``apply_routes``."""

from zmqlayer.worker.test.cases import ChannelTestCase, ChannelTestCaseMixin, TransactionChannelTestCase
from zmqlayer.worker.test.client import Client
from zmqlayer.worker.test.routes import apply_routes

__all__ = ["ChannelTestCase", "ChannelTestCaseMixin", "Client", "TransactionChannelTestCase", "apply_routes"]
