"""The project for ASGI servers: its views, and WebSockets with Channels."""

from __future__ import annotations

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

http = get_asgi_application()  # before the consumers are imported: it sets Django up

from support.project.consumers import Echo, Room  # noqa: E402

websocket = URLRouter([path("echo", Echo.as_asgi()), path("room", Room.as_asgi())])
application = ProtocolTypeRouter({"http": http, "websocket": websocket})
