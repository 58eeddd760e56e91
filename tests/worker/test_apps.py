"""The Django app: what it connects."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from support.memory_layer import MemoryLayer
from support.worker_run import worker_for
from zmqlayer.worker import Message, get_channel_layer, route


def test_the_label() -> None:
    """The label leaves "worker" to the project's own apps."""
    assert apps.get_app_config("zmqlayer_worker").name == "zmqlayer.worker"


@pytest.mark.usefixtures("database")
def test_a_consumer_leaves_no_connection_open(layer: MemoryLayer) -> None:
    """As after a request, a database connection that may not be kept is closed after a consumer."""
    open_inside: list[bool] = []

    def consumer(message: Message) -> None:
        connection.ensure_connection()
        open_inside.append(connection.connection is not None)

    worker_for(layer, [route("a", consumer)]).consume("a", {})

    assert open_inside == [True]
    assert connection.connection is None


def test_new_settings_new_layers(settings: Any) -> None:
    """A change of CHANNEL_LAYERS, as tests make it, is seen at the next use."""
    before = get_channel_layer()

    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "support.memory_layer.MemoryBackend"}}

    assert get_channel_layer() is not before
