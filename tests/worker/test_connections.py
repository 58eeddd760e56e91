"""Database connections around consumers."""

from __future__ import annotations

from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.worker_run import ask, worker_for
from zmqlayer.worker import Message, connections, route
from zmqlayer.worker.connections import KEPT, Connections


class Noted(Connections):
    """Connections that are only talked about."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def before(self) -> None:
        """Note it."""
        self.calls.append("before")

    def after(self) -> None:
        """Note it."""
        self.calls.append("after")


@pytest.mark.parametrize("is_async", [False, True])
def test_around_each_consumer(layer: MemoryLayer, is_async: bool) -> None:
    """They are minded before it runs and when it has."""
    noted = Noted()

    def consumer(message: Message) -> None:
        noted.calls.append("consumer")

    async def coroutine(message: Message) -> None:
        noted.calls.append("consumer")

    worker_for(layer, [route("a", coroutine if is_async else consumer)], connections=noted).consume("a", {})

    assert noted.calls == ["before", "consumer", "after"]


def test_views_mind_theirs_themselves(layer: MemoryLayer) -> None:
    """Django's own signals around a request do it; twice would be for nothing."""
    noted = Noted()

    parts = ask(layer, worker_for(layer, [], connections=noted), "/hello/")

    assert parts[0]["status"] == 200
    assert noted.calls == []


def test_one_that_cannot_be_closed(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named in the log, and no reason to lose a message."""

    def fail() -> None:
        raise OSError("the socket is gone")

    monkeypatch.setattr(connections, "close_old_connections", fail)

    Connections().before()

    assert "OSError: the socket is gone" in caplog.text


def test_kept_ones_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a test, which may be in a transaction."""
    closed: list[Any] = []
    monkeypatch.setattr(connections, "close_old_connections", lambda: closed.append(1))

    KEPT.before()
    KEPT.after()

    assert closed == []
