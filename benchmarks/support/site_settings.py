"""Settings of the Django project whose worker is measured: nothing in it that a plain view does not need."""

SECRET_KEY = "only for benchmarks"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["zmqlayer.worker"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "support.site"
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
CHANNEL_LAYERS = {"default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": {}}}
ZMQLAYER_ROUTING = "support.site.routes"
USE_TZ = True
# Room for the sessions of all sockets that are open at once; the cache throws some away beyond 300 otherwise.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}}}
