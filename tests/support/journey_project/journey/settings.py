"""Settings of a project that runs in worker processes of its own, as in production: no debugging, no database."""

SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["zmqlayer.worker"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "journey.middleware.name_the_worker"]
ROOT_URLCONF = "journey.urls"
CHANNEL_LAYERS = {"default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": {}}}
ZMQLAYER_ROUTING = "journey.consumers.routes"
USE_TZ = True
