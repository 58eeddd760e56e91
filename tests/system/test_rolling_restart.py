"""Workers are replaced one after the other under load, and nobody outside notices."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from support.clients import Traffic
from support.cluster import BareWorkerProcess, Cluster, WorkerProcess
from support.talk import Talk

pytestmark = pytest.mark.system

N_CLIENTS = 32
N_SOCKETS = 32
SOON_S = 10.0
LONG_S = "60"


@pytest.fixture(params=[WorkerProcess, BareWorkerProcess], ids=["Django", "bare"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One server whose timeouts come too late to hide anything, and two workers."""
    with Cluster(1, 2, ("--http-timeout", LONG_S), request.param) as cluster:
        yield cluster


@pytest.fixture
def talk(cluster: Cluster) -> Iterator[Talk]:
    """WebSockets in rooms of their own."""
    port = cluster.servers[0].port
    with Talk([f"ws://127.0.0.1:{port}/room{number}/" for number in range(N_SOCKETS)], N_SOCKETS) as talk:
        yield talk


@pytest.fixture
def traffic(cluster: Cluster) -> Iterator[Traffic]:
    """Clients that send one request after the other."""
    with Traffic([cluster.servers[0].port], N_CLIENTS) as traffic:
        yield traffic


def test_a_rolling_restart_fails_no_request_and_closes_no_socket(
    cluster: Cluster, talk: Talk, traffic: Traffic
) -> None:
    """Every worker is told to end and replaced, one after the other; requests and messages go on meanwhile."""
    server = cluster.servers[0]
    statuses = []
    for old in cluster.workers:
        traffic.wait_for(100, SOON_S)
        new = cluster.start_worker()
        cluster.wait_until_linked(server, new)
        statuses.append(old.end(signal.SIGTERM))
        talk.wait_for_rounds(3, SOON_S)
    traffic.wait_for(200, SOON_S)
    talk.wait_for_rounds(3, SOON_S)
    traffic.end()
    talk.end()

    assert statuses == [0, 0]
    assert traffic.failures == []
    assert (talk.closed, talk.lost, talk.out_of_turn) == ([], 0, [])
