"""
The worker: Django consumers behind channels, with the names of Channels 1.x.

Add ``"zmqlayer.worker"`` to ``INSTALLED_APPS`` and start workers with ``manage.py runworker``.
"""

from zmqlayer.worker.channel import Channel, Group
from zmqlayer.worker.layers import get_channel_layer
from zmqlayer.worker.message import Message
from zmqlayer.worker.routing import include, route
from zmqlayer.worker.sessions import channel_session

__all__ = ["Channel", "Group", "Message", "channel_session", "get_channel_layer", "include", "route"]
