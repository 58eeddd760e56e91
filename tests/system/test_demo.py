"""The demo as a stranger sees it: ``make demo`` without make."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from support.demo_run import DemoRun, has_ended
from support.ports import free_ports

pytestmark = pytest.mark.system

READY_WITHIN_S = 25
keys = map(str, itertools.count())


@pytest.fixture
def ports() -> list[int]:
    """Two ports for the two servers."""
    return free_ports(2)


@pytest.fixture
def run(tmp_path: Path, ports: list[int]) -> Iterator[DemoRun]:
    """A demo that says it is ready."""
    started = DemoRun(tmp_path, "--ports", ",".join(map(str, ports)))
    try:
        started.read_until("Ready.", READY_WITHIN_S)
        yield started
    finally:
        started.close()


class Guest:
    """A person in the lobby, over a WebSocket to one server."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[str] = []

    def hear(self, kind: str) -> dict[str, Any]:
        """Return the next frame of a kind; others are passed over."""
        while True:
            frame: dict[str, Any] = json.loads(self.socket.recv(timeout=5))
            if frame["type"] == kind:
                return frame

    def say(self, text: str) -> None:
        """Send one message under a key of its own."""
        self.socket.send(json.dumps({"say": text, "key": next(keys)}))

    def hear_message(self) -> dict[str, Any]:
        """Return the next message of the room."""
        message = self.hear("message")
        self.heard.append(f"{message['name']}: {message['text']}")
        return message


@pytest.fixture
def ada(run: DemoRun, ports: list[int]) -> Iterator[Guest]:
    """A guest at the first server."""
    with connect(f"ws://127.0.0.1:{ports[0]}/room/lobby/?name=Ada") as socket:
        yield Guest(socket)


@pytest.fixture
def grace(run: DemoRun, ports: list[int]) -> Iterator[Guest]:
    """A guest at the second server."""
    with connect(f"ws://127.0.0.1:{ports[1]}/room/lobby/?name=Grace") as socket:
        yield Guest(socket)


def test_guests_of_two_servers_talk_in_order(ada: Guest, grace: Guest) -> None:
    """Each sees what the other says, in the order in which it was said, and both came by different servers."""
    welcomes = [ada.hear("welcome"), grace.hear("welcome")]
    expected = []
    for number in range(5):
        for guest, name in ((ada, "Ada"), (grace, "Grace")):
            guest.say(f"line {number}")
            expected.append(f"{name}: line {number}")
            ada.hear_message()
            grace.hear_message()
    assert ada.heard == grace.heard == expected
    assert welcomes[0]["server"] != welcomes[1]["server"]


def test_ctrl_c_ends_everything(run: DemoRun, ada: Guest) -> None:
    """One signal to the launcher ends it within 3 s with success, though a browser is connected, and all children."""
    pids = run.pids()
    assert len(pids) == 4
    assert run.stop() == 0, run.output
    assert all(has_ended(pid, 0) for pid in pids.values()), run.output
    assert "Stopped in" in run.lines[-1] and "by force" not in run.output, run.output
    assert "Traceback" not in run.output


def test_killed_launcher_leaves_nothing(run: DemoRun) -> None:
    """Children of a launcher that was killed hard notice, and end."""
    pids = run.pids()
    run.process.kill()
    assert all(has_ended(pid, 5) for pid in pids.values())


def test_killed_worker_is_survived(run: DemoRun, ada: Guest, grace: Guest) -> None:
    """When a worker is killed the sockets stay open, another answers, and a new one joins."""
    os.kill(run.pids()["worker 2"], signal.SIGKILL)
    run.read_until("was ended by SIGKILL; starting another", 5)
    # Until the servers notice, some milliseconds, what they hand to the dead worker is lost with it.
    assert "worker" in run.read_until("joined", 10)
    ada.say("still there?")
    assert grace.hear_message()["text"] == "still there?"


def test_port_in_use(tmp_path: Path) -> None:
    """A taken port is one sentence and a failure, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = DemoRun(tmp_path, "--ports", str(port))
        run.finish(within_s=10)
    assert run.process.returncode == 1
    assert len(run.lines) == 1 and run.output.startswith(f"Error: Port {port} on 127.0.0.1 is in use")
