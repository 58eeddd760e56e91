"""Processes of a cluster come, go, die and stand still under traffic."""

from __future__ import annotations

import http.client
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.clients import Traffic
from support.cluster import READ_AHEAD, THREADS, Cluster, Server, WorkerProcess
from support.journey_project.journey.gate import Gate

pytestmark = pytest.mark.system

SOON_S = 5.0
"""For what takes milliseconds on an idle machine."""
JOIN_WITHIN_S = 2.0
STOP_WITHIN_S = 2.0
N_CLIENTS = 12
N_MANY = 64
"""More than three workers hold."""
N_THREADS = 2 * THREADS


@pytest.fixture
def third_worker(cluster: Cluster) -> Iterator[WorkerProcess]:
    """A worker that the test may break."""
    worker = cluster.start_worker()
    try:
        for server in cluster.servers:
            cluster.wait_until_linked(server, worker)
        yield worker
    finally:
        worker.kill()


@pytest.fixture
def third_server(cluster: Cluster) -> Iterator[Server]:
    """A server that the test may break."""
    server = cluster.start_server()
    try:
        cluster.wait_until_linked(server, *cluster.workers)
        yield server
    finally:
        server.kill()


@pytest.fixture
def traffic(cluster: Cluster) -> Iterator[Traffic]:
    """Clients of both servers that send one request after the other."""
    with Traffic([server.port for server in cluster.servers], N_CLIENTS) as traffic:
        yield traffic


@pytest.fixture
def clients(third_server: Server) -> Iterator[list[http.client.HTTPConnection]]:
    """A client of the third server for each thread of the workers."""
    with ExitStack() as stack:
        clients = [http.client.HTTPConnection("127.0.0.1", third_server.port) for _ in range(N_THREADS)]
        for client in clients:
            stack.callback(client.close)
        yield clients


def test_a_killed_worker_takes_only_its_credit_along(cluster: Cluster, third_worker: WorkerProcess) -> None:
    """Lost is what its threads had begun, what it read ahead, and at most one request of each server on its way."""
    with Traffic([server.port for server in cluster.servers], N_MANY) as traffic:
        traffic.wait_for(20, SOON_S, lambda answer: answer.worker == third_worker.pid)

        third_worker.kill()

        traffic.wait_for(300, SOON_S)
        traffic.end()
    assert len(traffic.failures) <= THREADS + READ_AHEAD + len(cluster.servers)
    assert {answer.status for answer in traffic.failures} <= {502}


def test_a_new_worker_gets_work(cluster: Cluster, traffic: Traffic) -> None:
    """It answers its first request within two seconds, with nobody told of it."""
    traffic.wait_for(20, SOON_S)
    worker = cluster.start_worker()
    worker.wait_until_reading()

    traffic.wait_for(1, JOIN_WITHIN_S, lambda answer: answer.worker == worker.pid)
    worker.end()
    traffic.end()
    assert traffic.failures == []


def test_a_worker_that_is_told_to_end_loses_nothing(third_worker: WorkerProcess, traffic: Traffic) -> None:
    """It finishes what it has begun and gives back what it has not."""
    traffic.wait_for(20, SOON_S, lambda answer: answer.worker == third_worker.pid)

    status = third_worker.end(signal.SIGTERM)

    traffic.wait_for(300, SOON_S)
    traffic.end()
    assert traffic.failures == []
    assert status == 0


def test_a_standing_server_holds_no_worker(
    cluster: Cluster, third_server: Server, clients: list[http.client.HTTPConnection], gate: Gate, tmp_path: Path
) -> None:
    """Every thread owes it a response; all get rid of theirs, and serve the other servers."""
    for client in clients:
        client.request("GET", f"/held/?gate={gate.path}")
    gate.wait_for(N_THREADS, SOON_S)

    third_server.pause()
    gate.open()

    assert_all_threads_are_free(cluster, tmp_path)


def test_a_killed_server_holds_no_worker(
    cluster: Cluster, third_server: Server, clients: list[http.client.HTTPConnection], tmp_path: Path
) -> None:
    """Every thread streams to it without end; all stop, and serve the other servers."""
    for client in clients:
        client.request("GET", "/endless/")
    for client in clients:
        assert client.getresponse().status == 200

    third_server.kill()

    assert_all_threads_are_free(cluster, tmp_path)


def test_a_room_goes_on_when_a_server_stands(cluster: Cluster, third_server: Server) -> None:
    """Members behind a server that reads nothing keep nobody else from hearing, however much is said."""
    urls = [f"ws://127.0.0.1:{server.port}/fault/" for server in (*cluster.servers, third_server)]
    with connect(urls[0]) as ada, connect(urls[1]) as grace, connect(urls[2], close_timeout=0):
        third_server.pause()
        for number in range(200):
            ada.send(str(number))
            assert (ada.recv(SOON_S), grace.recv(SOON_S)) == (str(number), str(number))
        third_server.kill()


def test_a_server_that_is_told_to_end_does_so(third_server: Server) -> None:
    """Within two seconds, although clients are connected; WebSockets are told to go elsewhere."""
    idle = http.client.HTTPConnection("127.0.0.1", third_server.port, timeout=SOON_S)
    idle.request("GET", "/hello/")
    idle.getresponse().read()
    with connect(f"ws://127.0.0.1:{third_server.port}/end/") as socket:
        status = third_server.end(signal.SIGTERM, STOP_WITHIN_S)

        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(SOON_S)

    assert status == 0
    assert caught.value.rcvd is not None and caught.value.rcvd.code == 1001
    idle.close()


def assert_all_threads_are_free(cluster: Cluster, directory: Path) -> None:
    """Let one request arrive in each thread of the workers at the same time."""
    with Gate(directory / "free") as gate, ExitStack() as stack:
        clients = [http.client.HTTPConnection("127.0.0.1", cluster.servers[0].port) for _ in range(N_THREADS)]
        for client in clients:
            stack.callback(client.close)
            client.request("GET", f"/held/?gate={gate.path}")
        gate.wait_for(N_THREADS, SOON_S)
        gate.open()
        assert [client.getresponse().status for client in clients] == [200] * N_THREADS
