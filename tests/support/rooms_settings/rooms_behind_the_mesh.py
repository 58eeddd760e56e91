"""Settings of ``examples/rooms`` for ``runworker --asgi``: our command takes the place of that of Channels."""

from __future__ import annotations

from rooms.settings import *  # noqa: F403
from rooms.settings import INSTALLED_APPS as ROOMS_APPS

INSTALLED_APPS = ["zmqlayer.worker", *ROOMS_APPS]
