"""``runworker --processes`` under load: children are killed and renewed, and clients do not notice."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest

from support.clients import Answer, Traffic
from support.cluster import MANAGE, Cluster, Member
from support.talk import Talk

pytestmark = pytest.mark.system

SOON_S = 20.0
LONG_S = "60"
N_CLIENTS = 16
N_SOCKETS = 8


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server whose timeouts come too late to hide anything."""
    with Cluster(1, 0, ("--http-timeout", LONG_S)) as cluster:
        yield cluster


@pytest.fixture
def parent(cluster: Cluster) -> Iterator[Member]:
    """The parent of two workers that the server has found."""
    command = ("runworker", "--cluster", cluster.name, "--processes", "2", "--threads", "2")
    parent = Member(str(MANAGE), *command)
    try:
        parent.wait_for_line(r"(?s)(^worker \w+ found [^\n]*interface.*){2}")
        yield parent
    finally:
        parent.close()


@pytest.fixture
def traffic(cluster: Cluster, parent: Member) -> Iterator[Traffic]:
    """Clients that send one request after the other."""
    with Traffic([cluster.servers[0].port], N_CLIENTS) as traffic:
        yield traffic


@pytest.fixture
def talk(cluster: Cluster, parent: Member) -> Iterator[Talk]:
    """WebSockets in rooms of their own."""
    port = cluster.servers[0].port
    with Talk([f"ws://127.0.0.1:{port}/room{number}/" for number in range(N_SOCKETS)], N_SOCKETS) as talk:
        yield talk


def workers_among(answers: list[Answer]) -> set[int]:
    """Return the ids of the processes that gave the answers."""
    return {answer.worker for answer in answers} - {0}


def test_hangup_under_load_loses_nothing(parent: Member, traffic: Traffic, talk: Talk) -> None:
    """All processes are renewed, one after the other; every request is answered, every socket stays open."""
    traffic.wait_for(100, SOON_S)
    old = workers_among(traffic.answers)

    parent.process.send_signal(signal.SIGHUP)
    parent.wait_for_line("^all worker processes are new$")
    begin = len(traffic.answers)
    traffic.wait_for(200, SOON_S, lambda answer: answer.worker not in old)
    known = workers_among(traffic.answers)  # the last one that started is perhaps not found by the server yet
    if len(known - old) == 1:
        traffic.wait_for(1, SOON_S, lambda answer: answer.worker not in known)
    talk.wait_for_rounds(3, SOON_S)
    traffic.end()
    talk.end()

    assert traffic.failures == []
    assert (talk.closed, talk.lost, talk.out_of_turn) == ([], 0, [])
    assert len(old) == 2
    assert len(workers_among(traffic.answers) - old) == 2
    assert not workers_among(traffic.answers[begin + N_CLIENTS :]) & old


def test_a_worker_that_is_killed_is_replaced(parent: Member, traffic: Traffic) -> None:
    """The other one goes on; what the dead one held is all that is lost."""
    traffic.wait_for(100, SOON_S)
    victim, other = sorted(workers_among(traffic.answers))

    os.kill(victim, signal.SIGKILL)
    traffic.wait_for(50, SOON_S, lambda answer: answer.worker == other)
    parent.wait_for_line(rf"^worker process \d \({victim}\) was killed by SIGKILL; another takes its place$")
    traffic.wait_for(1, SOON_S, lambda answer: answer.worker not in (0, victim, other))
    traffic.end()

    assert len(traffic.failures) <= N_CLIENTS
    assert all(answer.status in (500, 502, 503) for answer in traffic.failures)


def test_a_stop_under_load(cluster: Cluster, parent: Member, traffic: Traffic) -> None:
    """Workers finish what they have begun, and give back what they have not, to a worker that is started later."""
    traffic.wait_for(100, SOON_S)

    status = parent.end(signal.SIGTERM, SOON_S)
    successor = cluster.start_worker()
    traffic.wait_for(100, SOON_S, lambda answer: answer.worker == successor.pid)
    traffic.end()

    assert status == 0
    assert traffic.failures == []
    assert not re.search("Traceback|cut off|are lost", parent.output)


def test_a_killed_parent_takes_its_workers_along(parent: Member, traffic: Traffic, cluster: Cluster) -> None:
    """They leave the mesh in order, so that no request is lost."""
    traffic.wait_for(100, SOON_S)
    orphans = workers_among(traffic.answers)

    parent.process.kill()
    parent.wait_for_line(r"(?s)(^the parent of the worker processes is gone: stopping$.*){2}")
    successor = cluster.start_worker()
    traffic.wait_for(200, SOON_S, lambda answer: answer.worker == successor.pid)
    traffic.end()

    assert traffic.failures == []
    assert not orphans & workers_among(traffic.answers[-50:])
