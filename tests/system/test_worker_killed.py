"""A worker is killed: what it held is lost and told at once, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.clients import Traffic, get
from support.cluster import READ_AHEAD, THREADS, BareWorkerProcess, Cluster, WorkerProcess
from support.raw_client import RawClient
from support.talk import Talk

pytestmark = pytest.mark.system

N_CLIENTS = 32
N_SOCKETS = 32
SOON_S = 10.0
LONG_S = "60"
"""A timeout that comes too late to hide anything."""
MOST_HELD = THREADS + READ_AHEAD + 1
"""One for each thread of the worker, what it reads ahead, and one for each node that sends to it."""


@pytest.fixture(params=[WorkerProcess, BareWorkerProcess], ids=["Django", "bare"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One server and two workers."""
    with Cluster(1, 2, ("--http-timeout", LONG_S), request.param) as cluster:
        yield cluster


@pytest.fixture
def alone() -> Iterator[Cluster]:
    """One server and one bare worker, which can invite."""
    with Cluster(1, 1, ("--http-timeout", LONG_S), BareWorkerProcess) as cluster:
        yield cluster


def test_it_takes_only_what_it_held(cluster: Cluster) -> None:
    """Under load: its requests are answered with 502 or 503; WebSockets stay open, and miss what it had of theirs."""
    victim = cluster.workers[0]
    port = cluster.servers[0].port
    urls = [f"ws://127.0.0.1:{port}/room{number}/" for number in range(N_SOCKETS)]
    with Traffic([port], N_CLIENTS) as traffic, Talk(urls, N_SOCKETS) as talk:
        traffic.wait_for(100, SOON_S, lambda answer: answer.worker == victim.pid)

        victim.kill()

        traffic.wait_for(300, SOON_S)
        talk.wait_for_rounds(3, SOON_S)
        traffic.end()
        talk.end()
    assert {answer.status for answer in traffic.failures} <= {502, 503}
    assert len(traffic.failures) + talk.lost <= MOST_HELD
    assert (talk.closed, talk.out_of_turn) == ([], [])


def test_requests_that_nobody_will_answer(alone: Cluster) -> None:
    """502 at once for each that it held; who asks when no worker is left waits for one."""
    port = alone.servers[0].port
    with RawClient(port) as held, RawClient(port) as invited, RawClient(port) as begun:
        held.get("/late/50/")
        invited.get("/invited/")
        begun.get("/begun/")
        assert begun.read_line() == b"HTTP/1.1 200 OK"
        alone.wait_until_linked(alone.servers[0], alone.workers[0])

        alone.workers[0].kill()

        assert (held.read_response()[0], invited.read_response()[0]) == (502, 502)
        assert not begun.read_to_end().endswith(b"0\r\n\r\n")
    alone.start_worker()
    assert get(port, "/hello/").status == 200


def test_websockets_of_a_worker_that_invited(alone: Cluster) -> None:
    """They are closed with 1012, so that clients come back; those that are bound to no worker stay open."""
    port = alone.servers[0].port
    with Talk([f"ws://127.0.0.1:{port}/invited/"], 8) as bound, Talk([f"ws://127.0.0.1:{port}/free/"], 8) as free:
        bound.wait_for_rounds(1, SOON_S)
        free.wait_for_rounds(1, SOON_S)

        alone.workers[0].kill()

        bound.wait_for_closed(SOON_S)
        alone.start_worker()
        free.wait_for_rounds(1, SOON_S)
    assert bound.closed == [1012] * 8
    assert free.closed == []
