"""
What the project needs, and nothing more.

The environment says what differs: ``BENCHMARK_MIDDLEWARE`` is ``seven`` for what ``startproject`` writes, else there is
none; ``BENCHMARK_LAYER`` is the default channel layer as JSON; ``BENCHMARK_SECRET_KEY`` encrypts the mesh, as any
key of at least 16 characters does.
"""

from __future__ import annotations

import json
import os

SEVEN = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

SECRET_KEY = os.environ.get("BENCHMARK_SECRET_KEY", "too short")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "zmqlayer.worker",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
MIDDLEWARE = SEVEN if os.environ.get("BENCHMARK_MIDDLEWARE") == "seven" else []
ROOT_URLCONF = "support.project.views"
CHANNEL_LAYERS = {"default": json.loads(os.environ.get("BENCHMARK_LAYER", '{"BACKEND": "zmqlayer.ChannelLayer"}'))}
ZMQLAYER_ROUTING = "support.project.routes.routes"
USE_TZ = True
