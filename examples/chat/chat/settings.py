"""
Settings of the example. What matters for zmqlayer is at the end; the rest is a small Django project.

Not for production as it stands: the secret key is public, and whoever reaches the port may read along.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = os.environ.get("CHAT_SECRET_KEY", "an-example-has-no-secrets-so-this-one-is-public")
DEBUG = os.environ.get("CHAT_DEBUG") == "1"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "zmqlayer.worker",
    "chat",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "chat.urls"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["chat.served.context"]},
    }
]

# WAL lets readers go on while one process writes; IMMEDIATE makes a second writer wait for up to
# `timeout` seconds instead of failing. Without both, two workers would see "database is locked".
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("CHAT_DATABASE", str(BASE_DIR / "chat.sqlite3")),
        "OPTIONS": {
            "timeout": 10,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "zmqlayer.ChannelLayer",
        "CONFIG": {"cluster": os.environ.get("ZMQLAYER_CLUSTER") or "chat"},
    }
}
ZMQLAYER_ROUTING = "chat.routing.routes"

# Every address under which the same rooms are served, so that a page can link to the others.
CHAT_URLS = os.environ.get("CHAT_URLS", "").split()
