"""``ChannelLiveServerTestCase`` in a project of a user, under Django's own test runner."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

SETTINGS = """
SECRET_KEY = "only for tests, and long enough not to be complained of: 0123456789"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.staticfiles",
    "zmqlayer.worker", "site_app",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3", "TEST": {"NAME": %r}}}
ALLOWED_HOSTS = ["www.example.com"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "site_app.urls"
STATIC_URL = "/static/"
CHANNEL_LAYERS = {
    alias: {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": {"cluster": f"production-{alias}"}}
    for alias in ("default", "other")
}
"""

URLS = """
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import path

urlpatterns = [
    path("users/", lambda request: HttpResponse(str(User.objects.count()))),
    path("host/", lambda request: HttpResponse(f"http://{request.get_host()}")),
]
"""

TESTS = """
from urllib.error import HTTPError
from urllib.request import urlopen

from django.contrib.auth.models import User

from zmqlayer import InMemoryChannelLayer
from zmqlayer.worker import route
from zmqlayer.worker.exceptions import InvalidRoutingError
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.test import ChannelLiveServerTestCase, apply_routes


def greet(message):
    message.reply_channel.send({"status": 200, "headers": [], "content": b"hello"})


GREETING = route("http.request", greet, path="^/hello/$")


class SiteTest(ChannelLiveServerTestCase):
    def get(self, path):
        with urlopen(self.live_server_url + path, timeout=20) as response:
            return response.read()

    def test_1_the_database_of_the_test(self):
        User.objects.create_user("eve")
        self.assertEqual(self.get("/users/"), b"1")

    def test_2_nothing_is_left(self):
        self.assertEqual(self.get("/users/"), b"0")

    def test_3_static_files(self):
        self.assertEqual(self.get("/static/site.css"), b"p {}")

    def test_4_no_layer_joins_production(self):
        self.assertNotIn("production", channel_layers["default"].node.config.cluster)
        self.assertIsInstance(channel_layers.backend("other"), InMemoryChannelLayer)

    @apply_routes(GREETING)
    def test_5_routes_of_a_test(self):
        self.assertEqual(self.get("/hello/"), b"hello")

    def test_6_routes_of_a_block(self):
        with apply_routes(GREETING):
            self.assertEqual(self.get("/hello/"), b"hello")
        with self.assertRaises(HTTPError):
            self.get("/hello/")

    def test_7_routes_that_come_too_late(self):
        with self.assertRaisesRegex(InvalidRoutingError, "for greetings, which nobody reads: .* on the class"):
            apply_routes(route("greetings", greet)).__enter__()

    def test_8_its_own_host_is_allowed(self):
        self.assertEqual(self.get("/host/").decode(), self.live_server_url)
"""


@pytest.mark.parametrize("database", [":memory:", "test.sqlite3"])
def test_a_live_site(tmp_path: Path, database: str) -> None:
    """Its workers see the test's database, in memory or not, and its routes; production is not touched."""
    app = tmp_path / "site_app"
    (app / "static").mkdir(parents=True)
    for name, text in {"__init__.py": "", "urls.py": URLS, "tests.py": TESTS, "static/site.css": "p {}"}.items():
        (app / name).write_text(text)
    (tmp_path / "site_settings.py").write_text(SETTINGS % database)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ZMQLAYER_", "PYTEST"))}

    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "django", "test", "--noinput", "--settings", "site_settings"],
        cwd=tmp_path, env={**environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=50,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout + run.stderr
    assert "Ran 8 tests" in run.stderr
