"""A routing with a filter that is no regular expression."""

from __future__ import annotations

from support.named_routing import named_consumer
from zmqlayer.worker import route

routes = [route("websocket.receive", named_consumer, path="(")]
