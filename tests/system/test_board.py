"""A FastAPI application behind the mesh: dependencies, WebSockets, streams and background tasks, on two workers."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from support.board_run import Board
from support.browser import Browser, browser

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

SOON_S = 15.0
RESTART = 1012


@pytest.fixture
def board() -> Iterator[Board]:
    """A server and two workers."""
    with Board() as started:
        yield started


@pytest.fixture
def client(board: Board) -> Iterator[httpx.Client]:
    """An HTTP client."""
    with httpx.Client(base_url=f"http://127.0.0.1:{board.port}", timeout=SOON_S) as client:
        yield client


@pytest.fixture
def sockets(board: Board) -> Iterator[list[ClientConnection]]:
    """Six guests in the lobby: some at each worker."""
    with ExitStack() as stack:
        yield [stack.enter_context(enter(board, f"Guest-{number}")) for number in range(6)]


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Browser]:
    """A browser."""
    with browser(tmp_path) as started:
        yield started


def enter(board: Board, name: str, room: str = "lobby") -> ClientConnection:
    """Open a WebSocket."""
    return connect(f"ws://127.0.0.1:{board.port}/rooms/{room}?name={name}", open_timeout=SOON_S)


def hear(socket: ClientConnection) -> dict[str, Any]:
    """Return what is said next."""
    post: dict[str, Any] = json.loads(socket.recv(SOON_S))
    return post


def test_guests_talk(sockets: list[ClientConnection]) -> None:
    """What one says, all hear, at whichever worker they are."""
    sockets[0].send("hello")

    assert [hear(socket) for socket in sockets] == [{"name": "Guest-0", "text": "hello"}] * 6


def test_rooms_are_apart(board: Board, sockets: list[ClientConnection]) -> None:
    """Another room hears its own."""
    with enter(board, "Grace", "garden") as grace:
        sockets[0].send("in the lobby")
        grace.send("in the garden")

        assert hear(grace) == {"name": "Grace", "text": "in the garden"}


def test_a_stream(client: httpx.Client, sockets: list[ClientConnection]) -> None:
    """A program hears each post as it is said, on a response that does not end."""
    with client.stream("GET", "/rooms/lobby/events") as response:
        lines = response.iter_lines()
        first = next(lines)
        heard = []
        for number in range(3):
            sockets[number].send(f"post {number}")
            heard.append(json.loads(next(line for line in lines if line).removeprefix("data: "))["text"])

    assert (response.headers["content-type"], first) == ("text/event-stream; charset=utf-8", ": listening")
    assert heard == ["post 0", "post 1", "post 2"]


def test_a_background_task(client: httpx.Client, sockets: list[ClientConnection]) -> None:
    """The answer does not wait for it; then it is done."""
    answer = client.post("/rooms/lobby/reminders", json={"text": "tea", "after_s": 0.2})

    assert (answer.status_code, answer.json()) == (202, {"text": "tea", "after_s": 0.2})
    assert hear(sockets[0]) == {"name": "Reminder", "text": "tea"}


def test_what_does_not_fit(client: httpx.Client) -> None:
    """FastAPI refuses it, and says why."""
    answer = client.post("/rooms/lobby/reminders", json={"text": "", "after_s": -1})

    assert answer.status_code == 422
    assert [problem["loc"][-1] for problem in answer.json()["detail"]] == ["text", "after_s"]


def test_the_applications_own_pages(client: httpx.Client) -> None:
    """A file, and the description that FastAPI makes."""
    assert "<h1>Board</h1>" in client.get("/").text
    assert "/rooms/{room}/reminders" in client.get("/openapi.json").json()["paths"]
    assert client.get("/nowhere").status_code == 404


def test_workers_stop(board: Board, sockets: list[ClientConnection]) -> None:
    """Each tells its own guests to come back; while one is there, they find it."""
    first, second = board.workers
    statuses = [first.end(signal.SIGTERM, SOON_S)]
    with enter(board, "Ada") as ada:
        ada.send("back again")
        heard = hear(ada)
        statuses.append(second.end(signal.SIGTERM, SOON_S))
        codes = [code_of(socket) for socket in [*sockets, ada]]

    assert statuses == [0, 0]
    assert heard["text"] == "back again"
    assert codes == [RESTART] * 7


def code_of(socket: ClientConnection) -> int | None:
    """Read what a guest still hears; return the code with which the socket is closed."""
    try:
        while True:
            socket.recv(SOON_S)
    except ConnectionClosed as exc:
        return exc.rcvd.code if exc.rcvd else None


def test_in_a_browser(chromium: Browser, board: Board) -> None:
    """Two windows show what is said in one of them."""
    pages = [chromium.open(f"http://127.0.0.1:{board.port}/") for _ in range(2)]
    for page in pages:
        page.wait_for("#state", "Connected", SOON_S)

    pages[0].type("form input", "good morning")

    for page in pages:
        page.wait_for("#log li", "Browsergood morning", SOON_S)
