"""ASGI applications behind interface servers, in processes of their own: bodies, streams, WebSockets and their ends."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from support.asgi_run import AsgiProcess, AsgiWorkerProcess, noted, wait_until_noted
from support.clients import Traffic, ask, get
from support.cluster import Cluster, Member
from support.raw_client import RawClient
from support.talk import Talk

pytestmark = pytest.mark.system

LONG_S = "60"
SOON_S = 10.0
MB = 1_048_576


@pytest.fixture(scope="module")
def site() -> Iterator[Cluster]:
    """One server and one worker; tests leave both alive."""
    with Cluster(1, 1, ("--http-timeout", LONG_S), AsgiWorkerProcess) as cluster:
        yield cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """One server and one worker for one test."""
    with Cluster(1, 1, ("--http-timeout", LONG_S), AsgiWorkerProcess) as cluster:
        yield cluster


def port_of(cluster: Cluster) -> int:
    return cluster.servers[0].port


def url_of(cluster: Cluster, path: str) -> str:
    return f"ws://127.0.0.1:{port_of(cluster)}{path}"


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 40.0))


# Requests


def test_a_body_goes_up_and_down(site: Cluster) -> None:
    """Five megabytes come back as they went, each piece as soon as it is there."""
    body = os.urandom(5 * MB)

    answer = ask(port_of(site), "POST", "/echo/", body)

    assert (answer.status, answer.body == body) == (200, True)


def test_a_slow_reader_of_an_upload_holds_back_the_client(site: Cluster) -> None:
    """Thirty megabytes at the application's pace are never whole in anybody's memory."""
    body = os.urandom(30 * MB)
    ask(port_of(site), "POST", "/digest/0", body[: 2 * MB])
    before = [(member.usage.memory, member.usage.forget_peak()) for member in (*site.servers, *site.workers)]

    answer = ask(port_of(site), "POST", "/digest/2", body)

    after = [member.usage.peak for member in (*site.servers, *site.workers)]
    assert answer.body.decode() == f"{hashlib.sha256(body).hexdigest()} {len(body)}"
    assert max(peak - memory for peak, (memory, _) in zip(after, before, strict=True)) < 12 * MB


def test_a_slow_client_holds_back_the_application(site: Cluster) -> None:
    """Sending waits while nobody reads, goes on when somebody does, and fails when the client leaves."""
    port = port_of(site)
    begun = noted(port).get("pieces", 0)

    with RawClient(port, receive_bytes=4096) as client:
        client.get("/endless/")
        assert client.read_line() == b"HTTP/1.1 200 OK"
        held, same = begun, 0
        while same < 20:  # looks in a row
            now = noted(port).get("pieces", 0)
            same = same + 1 if now == held > begun else 0
            held = now
        for _ in range(64):
            client.socket.recv(65_536, socket.MSG_WAITALL)
        wait_until_noted(port, lambda counts: counts["pieces"] > held)

    left = wait_until_noted(port, lambda counts: "stream left" in counts)
    assert held - begun < 500
    assert left["stream left"] == 1
    assert site.workers[0].usage.memory < 150 * MB


def test_a_client_that_leaves_is_noticed(site: Cluster) -> None:
    """By an application that waits for nothing else, and by one in the middle of an upload."""
    port = port_of(site)
    with RawClient(port) as waiting, RawClient(port) as uploading:
        waiting.get("/wait/")
        uploading.send("POST /digest/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
        uploading.send(bytes(500_000))
        wait_until_noted(port, lambda counts: counts.get("waiting"))

    left = wait_until_noted(port, lambda counts: {"left", "upload left"} <= counts.keys())
    assert (left["left"], left["upload left"]) == (1, 1)


@pytest.mark.parametrize("path", ["/raise/", "/exit/", "/silent/", "/garbage/status", "/garbage/large"])
def test_what_applications_do_wrong(site: Cluster, path: str) -> None:
    """500 at once; the worker is the same one as before."""
    answer = get(port_of(site), path)

    assert answer.status == 500
    assert get(port_of(site), "/hello/").worker == site.workers[0].pid


def test_a_response_that_fails_midway(site: Cluster) -> None:
    """The client can tell that it is not whole."""
    with RawClient(port_of(site)) as client:
        client.get("/begun/")
        answer = client.read_to_end()

    site.workers[0].wait_for_line("the application failed on GET /begun/")  # a reset may have swept away its piece
    assert not answer.endswith(b"0\r\n\r\n")


# WebSockets


def test_a_thousand_messages(site: Cluster) -> None:
    """They come back in order, text and bytes."""

    async def main() -> list[Any]:
        async with connect(url_of(site, "/")) as websocket:

            async def say() -> None:
                for number in range(1000):
                    await websocket.send(str(number) if number % 2 else str(number).encode())

            saying = asyncio.create_task(say())
            heard = [await websocket.recv() for _ in range(1000)]
            await saying
            return heard

    assert run(main()) == [str(number) if number % 2 else str(number).encode() for number in range(1000)]


def test_five_hundred_at_a_time(site: Cluster) -> None:
    """One worker holds them all, and each hears its own."""
    with ExitStack() as stack:  # a hundred at once is what the channel holds
        talks = [stack.enter_context(Talk([url_of(site, "/")], 100)) for _ in range(5)]
        for talk in talks:
            talk.wait_for_rounds(2, 40.0)

    assert [(talk.lost, talk.out_of_turn, talk.closed) for talk in talks] == [(0, [], [])] * 5
    wait_until_noted(port_of(site), lambda counts: counts.get("closed 1000", 0) >= 500)


def test_refusals(site: Cluster) -> None:
    """403 from an application that does not want it, 500 from one that fails."""

    async def status_of(path: str) -> int:
        with pytest.raises(InvalidStatus) as refused:
            await connect(url_of(site, path))
        return refused.value.response.status_code

    async def main() -> list[int]:
        return [await status_of(path) for path in ("/refused/", "/raise/", "/silent/")]

    assert run(main()) == [403, 500, 500]


def test_how_open_ones_end(site: Cluster) -> None:
    """1000 if the application returns, 1011 if it fails, or as the application says."""

    async def end_of(path: str) -> tuple[int | None, str | None]:
        async with connect(url_of(site, path)) as websocket:
            with pytest.raises(ConnectionClosed):
                await websocket.recv()
            return websocket.close_code, websocket.close_reason

    async def main() -> list[tuple[int | None, str | None]]:
        return [await end_of(path) for path in ("/return/", "/return/broken", "/enough/")]

    assert run(main()) == [(1000, ""), (1011, ""), (4000, "enough")]


def test_an_application_that_does_not_receive_holds_back_its_client(site: Cluster) -> None:
    """At some point the client cannot send any more, and the worker's memory stays as it is."""
    memory = site.workers[0].usage.memory

    async def main() -> int:
        async with connect(url_of(site, "/deaf/"), close_timeout=0.1, compression=None) as websocket:
            for number in range(2000):
                try:
                    await asyncio.wait_for(websocket.send(bytes(100_000)), 1.0)
                except TimeoutError:
                    return number
        return 2000

    assert run(main()) < 500
    assert site.workers[0].usage.memory - memory < 20 * MB


def test_a_client_that_does_not_read_holds_back_its_application(site: Cluster) -> None:
    """Sending waits, and fails when the client leaves."""
    port = port_of(site)
    with RawClient(port, receive_bytes=4096) as client:
        client.get(
            "/flood/100000", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )  # fmt: skip
        assert client.read_line().startswith(b"HTTP/1.1 101 ")
        held, same = 0, 0
        while same < 20:
            now = noted(port).get("flood", 0)
            same = same + 1 if now == held > 0 else 0
            held = now

    wait_until_noted(port, lambda counts: counts.get("flood left"))
    assert held < 2000


# Ends


def test_a_worker_that_is_killed(cluster: Cluster) -> None:
    """Requests get 502 or are cut, WebSockets 1012; the next worker answers."""
    port = port_of(cluster)
    with RawClient(port) as held, RawClient(port) as begun, Talk([url_of(cluster, "/")], 8) as talk:
        held.get("/late/50")
        begun.get("/pause/50")
        assert begun.read_line() == b"HTTP/1.1 200 OK"
        talk.wait_for_rounds(1, SOON_S)

        cluster.workers[0].kill()

        talk.wait_for_closed(SOON_S)
        assert held.read_response()[0] == 502
        assert not begun.read_to_end().endswith(b"0\r\n\r\n")
    assert talk.closed == [1012] * 8
    cluster.start_worker()
    assert get(port, "/hello/").status == 200


def test_a_worker_that_is_told_to_stop(cluster: Cluster) -> None:
    """Requests finish, WebSockets are closed with 1012, the application ends, and the status is 0."""
    port, worker = port_of(cluster), cluster.workers[0]
    with RawClient(port) as late, Talk([url_of(cluster, "/")], 8) as talk:
        late.get("/late/1")
        talk.wait_for_rounds(1, SOON_S)

        status = worker.end(within_s=8.0)

        talk.wait_for_closed(SOON_S)
        assert late.read_response() == (200, b"late")
    assert (status, talk.closed) == (0, [1012] * 8)
    assert "application ended" in worker.output
    assert "Traceback" not in worker.output


def test_a_stop_waits_for_slow_clients(cluster: Cluster) -> None:
    """A download whose client is slower than the application is not cut when the worker is told to stop."""
    size = 8 * MB
    with RawClient(port_of(cluster), receive_bytes=4096) as client:
        client.get(f"/bytes/{size}", "Connection: close")
        assert client.read_line() == b"HTTP/1.1 200 OK"
        worker = cluster.workers[0]
        worker.process.send_signal(signal.SIGTERM)
        worker.wait_for_line("was told to stop")

        received = client.read_to_end()

        assert len(received) > size
        assert received.endswith(b"\r\n0\r\n\r\n")
    assert worker.process.wait(8.0) == 0


def test_workers_take_turns_without_a_fault(cluster: Cluster) -> None:
    """Under load one worker after the other is replaced, and every request is answered."""
    port = port_of(cluster)
    with Traffic([port], 8) as traffic:
        traffic.wait_for(50, SOON_S)
        other = cluster.start_worker()
        other.wait_until_reading()
        traffic.wait_for(20, SOON_S, lambda answer: answer.worker == other.pid)

        assert cluster.workers[0].end(within_s=8.0) == 0

        traffic.wait_for(50, SOON_S)
        traffic.end()
    assert traffic.failures == []


def test_what_does_not_finish_is_cut() -> None:
    """A second signal waits for nothing."""
    with Cluster(1, 1, ("--http-timeout", LONG_S), AsgiWorkerProcess) as cluster, RawClient(port_of(cluster)) as late:
        late.get("/late/50")
        wait_until_noted(port_of(cluster), lambda counts: True)
        worker = cluster.workers[0]
        worker.process.send_signal(signal.SIGTERM)
        worker.wait_for_line("was told to stop; 1 connections are open")

        status = worker.end(within_s=8.0)

        assert (status, late.read_response()[0]) == (0, 503)
    assert "GET /late/50 took too long when the worker stopped: cut" in worker.output


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("support.asgi_app:failing",), 3, "the application cannot start: the database is away"),
        (("support.asgi_app:song",), 2, "support.asgi_app has no 'song'"),
        (("support.asgi_app:application", "--settings", "no.settings"), 2, "'no.settings' cannot be imported"),
    ],
)
def test_a_worker_that_cannot_start(arguments: tuple[str, ...], status: int, sentence: str) -> None:
    """It ends by itself with a sentence."""
    worker = AsgiProcess(*arguments, "--discovery", "off")
    try:
        ended, output = worker.fails()
    finally:
        worker.close()

    assert (ended, sentence in output) == (status, True), output
    assert "Traceback" not in output


APPLICATION = """
async def application(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-worker", b"1")]})
    await send({"type": "http.response.body", "body": b"ours"})
"""


def test_the_secret_of_a_project(tmp_path: Path) -> None:
    """A worker without Django's commands meets the servers of a Django project, with what both find in one folder."""
    (tmp_path / "site_settings.py").write_text(f"SECRET_KEY = {secrets.token_urlsafe(50)!r}\n")
    (tmp_path / "site_app.py").write_text(APPLICATION)
    project = ("--settings", "site_settings", "--discovery", "localhost", "--cluster", f"asgi-{secrets.token_hex(4)}")
    server = Member("-m", "zmqlayer.interface", "--port", "0", *project, folder=tmp_path)
    worker = AsgiProcess("site_app:application", "--app-dir", str(tmp_path), *project)
    try:
        port = int(server.wait_for_line(r"Listening on http://127\.0\.0\.1:(\d+),")[1])
        worker.wait_for_line(r"^worker \w+ reads")
        answer = get(port, "/")
    finally:
        for member in (server, worker):
            member.close()

    assert (answer.status, answer.body) == (200, b"ours")
