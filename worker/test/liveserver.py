"""The module where Channels 1.x has ``ChannelLiveServerTestCase``."""

from zmqlayer.worker.test.live import ChannelLiveServerTestCase

__all__ = ["ChannelLiveServerTestCase"]
