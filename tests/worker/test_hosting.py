"""``runworker --asgi``: which application, on which layer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import channels.layers
import pytest

from support import hosted
from zmqlayer import InMemoryChannelLayer
from zmqlayer.worker.asgi import AsgiService
from zmqlayer.worker.asgi.exceptions import CannotLoad
from zmqlayer.worker.hosting import host_application
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.plan import BadPlan, Plan

WITHIN_S = 10.0
DOTTED = "support.hosted.application"


@pytest.fixture(autouse=True)
def backend() -> Iterator[InMemoryChannelLayer]:
    """The project's layer, in memory."""
    backend = InMemoryChannelLayer()
    with channel_layers.replaced({"default": backend}):
        yield backend


def name_of(service: AsgiService) -> str:
    """Return what the service calls its application."""
    return repr(service).removeprefix("<AsgiService of '").removesuffix("'>")


@pytest.mark.parametrize("path", [DOTTED, "support.hosted:application"])
def test_both_ways_to_name_it(path: str) -> None:
    """As in Django's settings, and as ASGI servers do."""
    assert name_of(host_application(path, Plan(), print)) == "support.hosted:application"


def test_the_settings_name_it(settings: Any) -> None:
    """Without a name it is ASGI_APPLICATION."""
    settings.ASGI_APPLICATION = DOTTED

    assert name_of(host_application("", Plan(), print)) == "support.hosted:application"


@pytest.mark.parametrize(
    ("path", "plan", "error", "sentence"),
    [
        ("", Plan(), BadPlan, "write --asgi mysite.asgi.application"),
        ("support.hosted.other", Plan(), CannotLoad, "support.hosted has no 'other'"),
        ("nowhere.application", Plan(), CannotLoad, "needs a module 'nowhere'"),
        (DOTTED, Plan(only=("thumbnails.*",)), BadPlan, "an ASGI application has http.request, websocket.connect"),
    ],
)
def test_mistakes_are_named(path: str, plan: Plan, error: type[Exception], sentence: str) -> None:
    """Each has a sentence with the cure."""
    with pytest.raises(error, match=sentence):
        host_application(path, plan, print)


def test_channels_uses_the_node_that_the_connections_come_from(backend: InMemoryChannelLayer) -> None:
    """One process, one node: its consumers send and receive where the worker reads."""
    reads = threading.Event()
    service = host_application(DOTTED, Plan(), lambda line: reads.set())
    running = threading.Thread(target=service.run)
    running.start()
    layer = backend.sync
    node_id = layer.node_id
    try:
        assert reads.wait(WITHIN_S)
        reply = layer.new_channel("http.response!")
        request = {"reply_channel": reply, "method": "GET", "path": "/here/", "query_string": b"", "headers": []}
        layer.send("http.request", {"http_version": "1.1", "scheme": "http", **request})
        _, answer = layer.receive([reply], block=True, timeout=WITHIN_S)
    finally:
        service.request_stop()
        running.join(WITHIN_S)

    assert not running.is_alive()
    assert answer is not None
    assert answer["content"] == f"/here/ {node_id.hex()}".encode()
    assert hosted.get_channel_layer is channels.layers.get_channel_layer
    assert layer.role == "worker"


def test_a_stop_before_the_start() -> None:
    """It ends at once, and in order."""
    service = host_application(DOTTED, Plan(), print)

    service.request_stop()

    assert service.run() == 0
