"""Requests that outlive the timeout: one, thousands at once, and a stream that does not count."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from support.clients import get
from support.cluster import BareWorkerProcess, Cluster, Server
from support.raw_client import RawClient

pytestmark = pytest.mark.system

TIMEOUT_S = "2"
N_CLIENTS = 2000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose queue for workers holds them all, with a bare worker behind it."""
    with Cluster(1, 1, ("--http-timeout", TIMEOUT_S, "--capacity", "3000"), BareWorkerProcess) as cluster:
        yield cluster.servers[0]


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process open as many files as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * N_CLIENTS:
        pytest.skip(f"the system allows a process {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_stream_older_than_the_timeout(server: Server) -> None:
    """Only the time to the first piece counts."""
    answer = get(server.port, "/pause/3/")

    assert (answer.status, answer.body) == (200, b"firstlast")


def test_an_answer_that_comes_too_late(server: Server) -> None:
    """503 in its stead; and what the worker says later disturbs no later request of the connection."""
    with RawClient(server.port) as client:
        client.get("/late/3/")
        status, page = client.read_response()
        client.get("/late/1.5/")
        later = client.read_response()

    assert (status, later) == (503, (200, b"late"))
    assert b"within 2 seconds" in page


def test_thousands_of_timeouts_at_once(server: Server, many_files: None) -> None:
    """All are answered with 503, and the server goes on."""
    files = server.usage.files
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port)) for _ in range(N_CLIENTS)]
        for client in clients:
            client.get("/never/")

        statuses = Counter(client.read_response()[0] for client in clients)
        answer = get(server.port, "/hello/")

    assert statuses == {503: N_CLIENTS}
    assert (answer.status, answer.body) == (200, b"hello")
    assert server.usage.files - files <= N_CLIENTS
