"""A routing and a consumer to be named by dotted paths."""

from __future__ import annotations

from zmqlayer.worker import Message, route


def named_consumer(message: Message) -> None:
    """Do nothing."""


routes = [route("websocket.receive", "support.named_routing.named_consumer", path="^/named/$")]
