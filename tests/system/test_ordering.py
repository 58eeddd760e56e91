"""``enforce_ordering`` where the server does not help: one client's burst, two workers, all at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from support.cluster import THREADS, Cluster, Member, WorkerProcess, clean_environ

pytestmark = pytest.mark.system

TESTS = Path(__file__).parent.parent
SOON_S = 20.0
SAID = [str(number) for number in range(1, 61)]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which both workers keep sessions."""
    return tmp_path_factory.mktemp("ordered") / "ordered.sqlite3"


@pytest.fixture(scope="module")
def cluster(database: Path) -> Iterator[Cluster]:
    """A server that sends messages as they come, and two workers."""
    environ = {
        **clean_environ(),
        "DJANGO_SETTINGS_MODULE": "support.ordered_settings",
        "ORDERED_DATABASE": str(database),
        "PYTHONPATH": f"{TESTS}:{TESTS / 'support' / 'journey_project'}",
    }

    class OrderedWorker(WorkerProcess):
        def __init__(self, cluster: str) -> None:
            options = ("runworker", "--cluster", cluster, "--threads", str(THREADS))
            Member.__init__(self, "-m", "django", *options, environ=environ)

    subprocess.run([sys.executable, "-m", "django", "migrate", "-v0"], env=environ, check=True, timeout=SOON_S)
    with Cluster(1, 2, ("--websocket-parallel",), OrderedWorker) as cluster:
        yield cluster


def say_all(cluster: Cluster, path: str) -> tuple[list[str], set[str]]:
    """Send a burst; returns what comes back, and which workers it came from."""
    with connect(f"ws://127.0.0.1:{cluster.servers[0].port}/{path}/", open_timeout=SOON_S) as socket:
        for text in SAID:
            socket.send(text)
        answers = [str(socket.recv(SOON_S)).split(" ", 1) for _ in SAID]
    return [text for text, _ in answers], {worker for _, worker in answers}


@pytest.mark.parametrize("path", ["strict", "later"])
def test_a_burst_is_consumed_in_order(cluster: Cluster, database: Path, path: str) -> None:
    """By eight threads of two workers, or on their event loops; afterwards the sessions are gone."""
    heard, workers = say_all(cluster, path)

    assert heard == SAID
    assert workers == {str(worker.pid) for worker in cluster.workers}
    assert is_soon_empty(database)


def test_without_it_a_burst_is_not_in_order(cluster: Cluster) -> None:
    """All messages arrive: so it is the decorator that puts them in order."""
    heard, _ = say_all(cluster, "loose")

    assert heard != SAID
    assert sorted(heard) == sorted(SAID)


def is_soon_empty(database: Path) -> bool:
    """Wait until the disconnect is consumed, and nothing is left in the table of sessions."""
    deadline = time.monotonic() + SOON_S
    is_empty = False
    with sqlite3.connect(database, timeout=SOON_S) as reader:
        while not is_empty and time.monotonic() < deadline:
            is_empty = reader.execute("SELECT count(*) FROM django_session").fetchone() == (0,)
    reader.close()
    return is_empty
