"""Consumers of Channels 4 behind the worker: their layer, and the worker's, are one node."""

from __future__ import annotations

from typing import Any

import pytest
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter

from support.asgi_stage import Stage, play
from zmqlayer.layer import AsyncLayer


class Chat(AsyncJsonWebsocketConsumer):
    """Everybody hears everything."""

    groups = ("lobby",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Tell all."""
        await self.channel_layer.group_send("lobby", {"type": "chat.said", "content": content})

    async def chat_said(self, event: Any) -> None:
        """Tell the client."""
        await self.send_json(event["content"])


class Hello(AsyncHttpConsumer):
    """Says how long the body was."""

    async def handle(self, body: bytes) -> None:
        """Answer."""
        await self.send_response(200, b"%d bytes" % len(body))


APPLICATION = ProtocolTypeRouter({"http": Hello.as_asgi(), "websocket": Chat.as_asgi()})


@pytest.fixture
def layer(settings: Any) -> AsyncLayer:
    """The layer that Channels makes of the settings."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": {"discovery": "off"}}}
    found = get_channel_layer()
    assert isinstance(found, AsyncLayer)
    return found


def test_a_chat(layer: AsyncLayer) -> None:
    """Two sockets, one group, one node."""

    async def script(stage: Stage) -> Any:
        sockets = [await stage.opened() for _ in range(2)]
        stage.say(sockets[0][1], '{"word": "hi"}')
        return [await stage.read(reply) for reply, _ in sockets]

    heard = play(APPLICATION, script, layer=layer.sync)
    assert heard == [{"text": '{"word": "hi"}'}] * 2


def test_a_request(layer: AsyncLayer) -> None:
    """Channels has consumers for them, too."""

    async def script(stage: Stage) -> Any:
        reply = stage.request("/", "POST", body=b"abc")
        return (await stage.read_content(reply))[1]

    assert play(APPLICATION, script, layer=layer.sync) == b"3 bytes"
