"""Settings of a project without views or models, for a worker in a process of its own."""

SECRET_KEY = "only for tests"
INSTALLED_APPS = ["zmqlayer.worker"]
ROOT_URLCONF = "support.worker_settings"
CHANNEL_LAYERS = {"default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": {"discovery": "off"}}}
USE_TZ = True
urlpatterns: list[object] = []
