"""A routing with a filter that no consumer could be given the result of."""

from __future__ import annotations

from support.named_routing import named_consumer
from zmqlayer.worker import route

routes = [route("websocket.receive", named_consumer, path=r"^/(\w+)/$")]
