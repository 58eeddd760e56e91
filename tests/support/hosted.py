"""An application whose consumer uses Channels' own layer."""

from __future__ import annotations

from typing import Any

from channels.layers import get_channel_layer

__all__ = ["application"]


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer a request with the node that Channels' layer is on, after a message to itself."""
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    layer: Any = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.group_send("room", {"type": "told", "path": scope["path"]})
    told = await layer.receive(channel)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{told['path']} {layer.node_id.hex()}".encode()})
