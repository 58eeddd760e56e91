"""The chat in a browser: two tabs at two servers, while workers and servers are killed."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.browser import Browser, Page, browser
from support.certificates import make_pair
from support.cluster import BareWorkerProcess, Cluster, Server
from support.demo_run import DemoRun
from support.ports import free_ports

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

READY_WITHIN_S = 25.0
SOON_S = 15.0
SAID = "#log .words"
STATE = "#state"
FETCH_ALL = """Promise.all(Array.from({length: 20}, async () => {
    const response = await fetch("/bytes/200000/");
    return (await response.arrayBuffer()).byteLength;
}))"""
ECHO = """new Promise((resolve, reject) => {
    const socket = new WebSocket(`wss://${location.host}/talk/`);
    socket.onopen = () => socket.send("said by " + new URL(socket.url).protocol);
    socket.onmessage = (event) => resolve(event.data);
    socket.onclose = reject;
})"""


@pytest.fixture
def ports() -> list[int]:
    """Two ports for the two servers."""
    return free_ports(2)


@pytest.fixture
def run(tmp_path: Path, ports: list[int]) -> Iterator[DemoRun]:
    """The chat on two servers and two workers."""
    started = DemoRun(tmp_path, "--ports", ",".join(map(str, ports)))
    try:
        started.read_until("Ready.", READY_WITHIN_S)
        yield started
    finally:
        started.close()


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Browser]:
    """A browser."""
    with browser(tmp_path) as started:
        yield started


@pytest.fixture
def tabs(chromium: Browser, run: DemoRun, ports: list[int]) -> list[Page]:
    """The same room at both servers, connected."""
    opened = [chromium.open(f"http://127.0.0.1:{port}/room/lobby/") for port in ports]
    for page in opened:
        page.wait_for(STATE, "Connected", SOON_S)
    return opened


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Server]:
    """A server that speaks TLS, with a bare worker behind it."""
    pair = make_pair(tmp_path, "server")
    with Cluster(1, 0, ("--tls-cert", str(pair.cert), "--tls-key", str(pair.key)), BareWorkerProcess) as cluster:
        cluster.start_worker().wait_until_reading()
        yield cluster.servers[0]


def say(speaker: Page, words: str, *listeners: Page) -> None:
    """Say something in one tab, and wait until every tab shows it and the speaker's one as confirmed."""
    speaker.type("#text", words)
    for page in (speaker, *listeners):
        page.wait_for("#log .said:not(.pending) .words", words, SOON_S)


def test_two_tabs_talk_while_processes_die(tabs: list[Page], run: DemoRun) -> None:
    """A dead worker is noticed by nobody; a dead server's page connects again, and has missed nothing."""
    ada, grace = tabs
    pids = run.pids()
    say(ada, "good morning", grace)
    say(grace, "morning", ada)

    os.kill(pids["worker 1"], signal.SIGKILL)
    say(ada, "a worker is dead", grace)
    say(grace, "so it is", ada)
    states = [page.text(STATE) for page in tabs]

    server = next(name for name in pids if re.match("server", name))
    os.kill(pids[server], signal.SIGKILL)
    ada.wait_for(STATE, "Not connected, trying again", SOON_S)
    say(grace, "ada is away")
    ada.wait_for(STATE, "Connected", SOON_S)
    say(ada, "back again", grace)

    assert states == ["Connected", "Connected"]
    expected = ["good morning", "morning", "a worker is dead", "so it is", "ada is away", "back again"]
    assert [page.texts(SAID) for page in tabs] == [expected, expected]


def test_a_page_by_tls(chromium: Browser, secure: Server) -> None:
    """A browser comes by HTTP/2, fetches in parallel, and opens a WebSocket beside it."""
    page = chromium.open(f"https://127.0.0.1:{secure.port}/hello/")
    page.wait_for("body", "hello", SOON_S)

    protocol = page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
    fetched = page.evaluate(FETCH_ALL)
    heard = page.evaluate(ECHO)

    assert (protocol, heard) == ("h2", "said by wss:")
    assert fetched == [200_000] * 20
