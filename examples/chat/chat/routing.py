"""Which consumer gets which channel's messages. ``http.request`` is not here: the views get it by default."""

from __future__ import annotations

from chat import consumers
from chat.rooms import ROOM_NAME
from zmqlayer.worker import include, route

room_routes = [
    route("websocket.connect", consumers.chat_connect),
    route("websocket.receive", consumers.chat_receive),
    route("websocket.disconnect", consumers.chat_disconnect),
]

routes = [
    include(room_routes, path=rf"^/room/(?P<room>{ROOM_NAME})/$"),
]
