"""An ASGI worker in a process, from start to exit status."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from functools import partial
from typing import Any

import pytest

from support.asgi_app import application as plain
from support.asgi_app import failing
from support.doubles import fake_node
from zmqlayer.exceptions import ConfigError
from zmqlayer.slot import NodeSlot
from zmqlayer.sync import SyncLayer
from zmqlayer.worker.asgi import AsgiOptions, run, run_application
from zmqlayer.worker.processes import Lifeline


def open_layer() -> SyncLayer:
    """Return a layer on a node without sockets."""
    return SyncLayer(NodeSlot(partial(fake_node, cluster="blue")))


def test_a_signal_ends_it() -> None:
    """SIGTERM is the usual way; handlers are put back, the layer is closed and the status is 0."""
    before = signal.getsignal(signal.SIGTERM)
    layer, said = open_layer(), []

    def say(line: str) -> None:
        said.append(line)
        signal.raise_signal(signal.SIGTERM)

    status = run_application(plain, layer, AsgiOptions(name="x:y", loop="asyncio"), say)

    assert (status, layer.node.is_closed, signal.getsignal(signal.SIGTERM)) == (0, True, before)
    assert said[0].endswith("reads http.request, websocket.connect with x:y in cluster 'blue'")


def test_its_own_words_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    """They go to standard output, and an application that cannot start ends it with 3."""
    assert run_application(failing, open_layer()) == 3
    assert "reads" not in capsys.readouterr().out


def test_how_long_a_child_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose parent is gone is killed only after what its application may take."""
    ours, theirs = socket.socketpair()
    held: list[float] = []
    monkeypatch.setattr(Lifeline, "hold", lambda lifeline, grace_s: held.append(grace_s))

    with ours, theirs:
        options = AsgiOptions(graceful_timeout_s=7.0)
        assert run_application(failing, open_layer(), options, lifeline=Lifeline(theirs.fileno(), 1, 2)) == 3

    assert held == [14.0]


def test_on_another_thread() -> None:
    """It hears no signals there, and ends with its layer."""
    layer = open_layer()
    statuses: list[int] = []
    reads = threading.Event()
    runs = threading.Thread(
        target=lambda: statuses.append(run_application(plain, layer, say=lambda line: reads.set())), daemon=True
    )
    runs.start()
    assert reads.wait(5.0)

    layer.close()
    runs.join(5.0)

    assert statuses == [0]


def test_what_an_application_leaves_behind_is_ended() -> None:
    """Tasks that go on, and generators that wait."""
    ended: list[str] = []

    async def go_on() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("task")

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scope["state"]["task"] = asyncio.create_task(go_on())
        await asyncio.sleep(0)
        await failing(scope, receive, send)

    assert run_application(application, open_layer(), AsgiOptions(loop="asyncio")) == 3
    assert ended == ["task"]


def test_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop if it is there, and asked for or left to us."""
    kinds = {kind: run.new_loop(kind) for kind in ("auto", "asyncio", "uvloop")}
    for loop in kinds.values():
        loop.close()
    modules = {kind: type(loop).__module__.partition(".")[0] for kind, loop in kinds.items()}

    def refuse(name: str) -> Any:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(run.importlib, "import_module", refuse)
    without = run.new_loop("auto")
    without.close()

    assert modules == {"auto": "uvloop", "asyncio": "asyncio", "uvloop": "uvloop"}
    assert type(without).__module__.startswith("asyncio")
    with pytest.raises(ConfigError, match="pip install uvloop"):
        run.new_loop("uvloop")
