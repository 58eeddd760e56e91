"""``rundelay`` as processes: two on one table, one of them killed. On PostgreSQL too, where there is one."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from support.announcements import new_cluster
from zmqlayer import SyncChannelLayer
from zmqlayer.sync import SyncLayer

pytestmark = pytest.mark.system

TESTS = Path(__file__).parent.parent
N_MESSAGES = 60
COUNT = "SELECT COUNT(*) FROM zmqlayer_delay_delayedmessage"


@pytest.fixture
def layer() -> Iterator[SyncLayer]:
    """Who asks for delays, and who gets the messages."""
    layer = SyncChannelLayer(cluster=new_cluster(), discovery="off", capacity=200)
    yield layer
    layer.close()


@pytest.fixture
def command(layer: SyncLayer, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start management commands of one project, linked to the layer."""
    environ = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "support.delay_settings",
        "PYTHONPATH": str(TESTS),
        "DELAY_DATABASE": str(tmp_path / "delay.sqlite3"),
        "ZMQLAYER_CLUSTER": layer.node.config.cluster,
        "ZMQLAYER_DISCOVERY": "off",
        "ZMQLAYER_SEEDS": layer.address,
    }
    started = []

    def start(*args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "django", *args],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=10)


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a command that ends by itself."""
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors


def reads(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """Return a delay server that has said that it reads."""
    assert process.stdout is not None
    assert " reads asgi.delay and keeps messages in " in process.stdout.readline()
    return process


def count_rows(database: Path) -> int:
    """Return how many messages wait in the table."""
    if address := os.environ.get("ZMQLAYER_TEST_POSTGRES"):
        with psycopg.connect(address) as connection:
            row = connection.execute(COUNT).fetchone()
    else:
        with closing(sqlite3.connect(database)) as connection:
            row = connection.execute(COUNT).fetchone()
    assert row is not None
    return int(row[0])


def wait_until(condition: Callable[[], bool], within_s: float) -> None:
    """Ask again and again."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_servers_on_one_table(
    layer: SyncLayer, command: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Both take requests and both send; when one is killed the other sends what it kept, and nothing comes twice."""
    finish(command("migrate", "--verbosity", "0"))
    finish(command("flush", "--no-input", "--verbosity", "0"))
    killed, left = (reads(command("rundelay", "--sleep", "0.2")) for _ in range(2))
    layer.ready(2, timeout=10)
    for number in range(N_MESSAGES):
        layer.send("asgi.delay", {"channel": "reminders", "delay": 2_000, "content": {"number": number}})
    wait_until(lambda: count_rows(tmp_path / "delay.sqlite3") == N_MESSAGES, 10)

    killed.kill()

    received = []
    while len(received) < N_MESSAGES:
        _, content = layer.receive(["reminders"], block=True, timeout=10)
        assert content is not None, sorted(received)
        received.append(content["number"])
    assert sorted(received) == list(range(N_MESSAGES))
    wait_until(lambda: count_rows(tmp_path / "delay.sqlite3") == 0, 5)
    assert layer.receive(["reminders"], block=True, timeout=0.3) == (None, None)
    left.send_signal(signal.SIGTERM)
    finish(left)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(
    layer: SyncLayer, command: Callable[..., subprocess.Popen[str]], number: signal.Signals
) -> None:
    """It ends within three seconds, with status 0, and says what its memory held."""
    server = reads(command("rundelay", "--memory"))
    layer.ready(1, timeout=10)
    layer.send("asgi.delay", {"channel": "reminders", "delay": 600_000, "content": {}})
    layer.send("asgi.delay", {"channel": "reminders", "delay": 1, "content": {"number": 1}})
    assert layer.receive(["reminders"], block=True, timeout=10) == ("reminders", {"number": 1})
    begun = time.monotonic()

    server.send_signal(number)
    _, errors = server.communicate(timeout=10)

    assert (server.returncode, errors) == (0, "1 delayed messages were held in memory only and are lost\n")
    assert time.monotonic() - begun < 3


def test_a_mistake_is_a_sentence(command: Callable[..., subprocess.Popen[str]]) -> None:
    """Without a table it ends with one line and no traceback."""
    if "ZMQLAYER_TEST_POSTGRES" in os.environ:
        pytest.skip("other tests have made the table in PostgreSQL; SQLite has a file for each test")
    server = command("rundelay")
    _, errors = server.communicate(timeout=30)

    assert server.returncode == 1
    assert errors == (
        "CommandError: the delayed messages cannot be reached: no such table: zmqlayer_delay_delayedmessage; "
        "run 'manage.py migrate', or use --memory\n"
    )
