"""The fixtures for pytest, in a project of a user."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFTEST = """
from django.conf import settings

settings.configure(
    CHANNEL_LAYERS={"default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": {"cluster": "production"}}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.sessions", "zmqlayer.worker"],
)

import django

django.setup()

pytest_plugins = ["zmqlayer.worker.test.fixtures"]
"""

TESTS = """
from zmqlayer.worker import Channel, route


def shout(message):
    message.reply_channel.send({"text": message["text"].upper()})


def test_a_client(channel_client, channel_routes):
    channel_routes([route("shout", shout)])
    channel_client.send_and_consume("shout", {"text": "hello"})
    assert channel_client.receive() == {"text": "HELLO"}
    Channel("left").send({})


def test_a_browser(ws_client, channel_routes):
    channel_routes(route("websocket.receive", shout))
    ws_client.send_and_consume("websocket.connect")
    ws_client.send_and_consume(text='"hello"')
    assert ws_client.receive() == "HELLO"


def test_nothing_is_left(channel_layer, channel_client):
    assert channel_layer.receive(["left"]) == (None, None)
    assert channel_client.channel_layer is channel_layer
"""


def test_a_project_that_uses_pytest(tmp_path: Path) -> None:
    """Fixtures are all it needs: no server, no sockets, no plugin for Django."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)

    without = ["-p", "no:cacheprovider", "-p", "no:asyncio"]
    run = subprocess.run(
        [sys.executable, "-Im", "pytest", "-q", "-W", "error", *without, str(tmp_path)],
        capture_output=True, text=True, timeout=50, cwd=tmp_path, check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout
