"""
Settings of the example: those of any small Channels project. ``CHANNEL_LAYERS`` is all that names zmqlayer.

Not for production as it stands: the secret key is public, and whoever reaches the port may read along.
"""

from __future__ import annotations

import os
from typing import Any

SECRET_KEY = os.environ.get("ROOMS_SECRET_KEY", "django-insecure-an-example-has-no-secrets-so-this-key-is-public")
DEBUG = os.environ.get("ROOMS_DEBUG") == "1"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

INSTALLED_APPS = ["daphne", "channels", "rooms"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "rooms.urls"
ASGI_APPLICATION = "rooms.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
]
TIME_ZONE = "UTC"
USE_TZ = True

# Shows what the mesh says: which process has come, which has gone, and why.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}

CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "zmqlayer.ChannelLayer",
        "CONFIG": {"cluster": os.environ.get("ROOMS_CLUSTER", "rooms")},
    }
}
