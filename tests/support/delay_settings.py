"""Settings of a project with a delay server, for processes of its own; the environment names the database file."""

import os
from pathlib import Path

from support.django_project import OURS, database_settings

SECRET_KEY = "only for tests"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = OURS
DATABASES = {"default": database_settings(Path(os.environ.get("DELAY_DATABASE", ":memory:")))}
CHANNEL_LAYERS = {"default": {"BACKEND": "zmqlayer.ChannelLayer"}}
USE_TZ = True
