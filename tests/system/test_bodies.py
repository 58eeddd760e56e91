"""Large bodies through real processes: what servers hold of them, and what becomes of workers whose clients leave."""

from __future__ import annotations

import hashlib
import http.client
import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.clients import Answer
from support.cluster import THREADS, Cluster, WorkerProcess
from support.curl import curl
from support.journey_project.journey.gate import Gate

pytestmark = pytest.mark.system

SOON_S = 5.0
"""For what takes milliseconds on an idle machine."""
PATIENCE_S = 30.0
BLOCK = bytes(range(256)) * 4_096
BLOCKS = 100
GROWTH = 20 * 1_048_576
N_THREADS = 2 * THREADS


@pytest.fixture
def port(cluster: Cluster) -> int:
    """Where the first server listens."""
    return cluster.servers[0].port


@pytest.fixture
def third_worker(cluster: Cluster) -> Iterator[WorkerProcess]:
    """A worker that the test may break."""
    worker = cluster.start_worker()
    try:
        cluster.wait_until_linked(cluster.servers[0], worker)
        yield worker
    finally:
        worker.kill()


def upload(port: int, path: str, blocks: Iterable[bytes], size: int) -> Answer:
    """Send a body block by block, and return the response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("POST", path, blocks, {"Content-Length": str(size)})
        response = connection.getresponse()
        return Answer(response.status, {}, response.read())
    finally:
        connection.close()


def begin(port: int, *lines: str) -> socket.socket:
    """Return a connection that has sent the head of a request."""
    connection = socket.create_connection(("127.0.0.1", port), SOON_S)
    connection.sendall("\r\n".join([*lines, "Host: 127.0.0.1", "", ""]).encode())
    return connection


def all_threads_are_free(port: int, gate: Gate) -> bool:
    """Whether each thread of two workers takes a request; fails if that takes long."""
    with ExitStack() as stack:
        for _ in range(N_THREADS):
            stack.enter_context(begin(port, f"GET /held/?gate={gate.path} HTTP/1.1"))
        gate.wait_for(N_THREADS, SOON_S)
        gate.open()
    return True


def test_a_large_upload_to_a_slow_view(cluster: Cluster, port: int, gate: Gate) -> None:
    """A hundred megabytes arrive whole, and the server never holds more than a few of them."""
    usage = cluster.servers[0].usage
    usage.forget_peak()
    before = usage.peak

    with ThreadPoolExecutor(1) as client:
        answer = client.submit(upload, port, f"/slow-digest/?gate={gate.path}", [BLOCK] * BLOCKS, len(BLOCK) * BLOCKS)
        gate.wait_for(1, PATIENCE_S)
        gate.open()

    assert answer.result().body.decode() == hashlib.sha256(BLOCK * BLOCKS).hexdigest()
    assert usage.peak - before < GROWTH


def test_a_large_file_in_a_form(port: int, tmp_path: Path) -> None:
    """Django's upload handlers take it from the stream, and put it on disk."""
    file = tmp_path / "large.bin"
    file.write_bytes(BLOCK * 20)

    transfer = curl(tmp_path, "-F", f"large=@{file}", f"http://127.0.0.1:{port}/store/")

    assert (transfer.status, transfer.body) == (200, b'{"large": 20971520}')


def test_an_upload_that_is_broken_off(port: int, gate: Gate, tmp_path: Path) -> None:
    """The view ends, and its thread takes the next request."""
    with begin(port, f"POST /slow-digest/?gate={gate.path} HTTP/1.1", f"Content-Length: {100 * len(BLOCK)}") as client:
        client.sendall(BLOCK)
        client.sendall(BLOCK)
        gate.wait_for(1, SOON_S)
    gate.open()

    with Gate(tmp_path / "second") as second:
        assert all_threads_are_free(port, second)


def test_endless_streams_end_with_their_clients(port: int, gate: Gate) -> None:
    """Each thread of the workers had one."""
    clients = [begin(port, "GET /endless/ HTTP/1.1") for _ in range(N_THREADS)]
    for client in clients:
        assert client.recv(100)

    for client in clients:
        client.close()

    assert all_threads_are_free(port, gate)


def test_a_killed_worker_is_told_at_once(cluster: Cluster, port: int, third_worker: WorkerProcess, gate: Gate) -> None:
    """Its clients need not wait for the timeout."""
    with ExitStack() as stack:
        clients = [
            stack.enter_context(begin(port, f"GET /held/?gate={gate.path} HTTP/1.1"))
            for _ in range(N_THREADS + THREADS)
        ]
        gate.wait_for(len(clients), SOON_S)

        third_worker.kill()
        gate.open()

        statuses = [client.recv(12) for client in clients]
    assert statuses.count(b"HTTP/1.1 502") == THREADS
    assert statuses.count(b"HTTP/1.1 200") == N_THREADS


@pytest.mark.parametrize("options", [(), ("-H", "Expect:")])
def test_an_early_answer(port: int, tmp_path: Path, options: tuple[str, ...]) -> None:
    """A client that sends far more than the view wants still reads why."""
    file = tmp_path / "large.bin"
    file.write_bytes(BLOCK * 20)

    transfer = curl(tmp_path, "--data-binary", f"@{file}", *options, f"http://127.0.0.1:{port}/unwilling/")

    assert (transfer.exit, transfer.status, transfer.body) == (0, 413, b"no")
