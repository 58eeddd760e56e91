"""Settings of a project that keeps the messages of a WebSocket in order itself, in a database."""

from __future__ import annotations

import os

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["127.0.0.1"]
CHANNEL_LAYERS = {"default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": {}}}
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["ORDERED_DATABASE"],
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA synchronous=OFF"},
    }
}
INSTALLED_APPS = ["django.contrib.sessions", "zmqlayer.worker"]
MIDDLEWARE = ["journey.middleware.name_the_worker"]
ROOT_URLCONF = "journey.urls"
USE_TZ = True
ZMQLAYER_ROUTING = "support.ordered_consumers.routes"
