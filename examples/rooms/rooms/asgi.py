"""The ASGI application: what Daphne, Uvicorn and Gunicorn serve, and what ``runworker`` runs."""

from __future__ import annotations

import os

from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rooms.settings")
http = get_asgi_application()  # before the consumers are imported: it sets Django up

from rooms import routing  # noqa: E402  (see above)

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(URLRouter(routing.websockets)),
        "channel": ChannelNameRouter(routing.channels),
    }
)
