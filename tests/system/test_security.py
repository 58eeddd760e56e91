"""Secrets between real processes: changed under traffic, refused in time, and shown nowhere."""

from __future__ import annotations

import secrets
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.load import Load
from support.node_process import NodeProcess, Nodes, wait_until

pytestmark = pytest.mark.system

TOLD_WITHIN_S = 2.0
LINKED_WITHIN_S = 15.0


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    """Start nodes; none outlives the test."""
    with Nodes() as nodes:
        yield nodes


def encrypted(cluster: str, *chosen: str) -> dict[str, object]:
    """Return the settings of a node with some secrets that is found by mDNS alone."""
    return {"cluster": cluster, "secrets": list(chosen), "discovery": "localhost", "seeds": []}


class Rollout:
    """A load of two senders and two workers whose processes are replaced one after the other."""

    def __init__(self, load: Load, cluster: str) -> None:
        self._load = load
        self._cluster = cluster
        self._rounds = 0

    def start(self, *chosen: str) -> None:
        """Replace every process by one with these secrets, workers first; at every step all are linked."""
        self._rounds += 1
        settings = encrypted(self._cluster, *chosen)
        for name in ("w1", "w2"):
            self._end(self._load.workers, name)
            self._load.add_worker(name, threads=2, **settings)
            self._check_links()
        for name in ("a", "b"):
            self._end(self._load.senders, f"{name}{self._rounds - 1}")
            sender = self._load.add_sender(f"{name}{self._rounds}", **settings)
            self._check_links()
            sender.call("start_flow", channels=["jobs"], sender=f"{name}{self._rounds}", every_s=0.005)

    def stop(self) -> None:
        """End the flow of those that send."""
        for name, sender in self._load.senders.items():
            self._load.accepted[name] = Counter(sender.call("stop_flow"))

    def _check_links(self) -> None:
        if len(self._load.everybody) > 1:
            self._load.wait_until_linked(LINKED_WITHIN_S)

    def _end(self, part: dict[str, NodeProcess], name: str) -> None:
        node = part.pop(name, None)
        if node is not None:
            if part is self._load.senders:
                self._load.accepted[name] = Counter(node.call("stop_flow"))
            node.end()


def test_secrets_change_under_traffic(nodes: Nodes, tmp_path: Path) -> None:
    """From [old] to [new, old] to [new] by rolling restarts: all find each other at every step, and nothing is lost."""
    old, new = secrets.token_hex(16), secrets.token_hex(16)
    load = Load(nodes, tmp_path)
    rollout = Rollout(load, f"security-{secrets.token_hex(4)}")

    for chosen in ([old], [new, old], [new]):
        rollout.start(*chosen)
    rollout.stop()

    wait_until(lambda: not load.lost, LINKED_WITHIN_S, "all is taken")
    taken = load.taken()
    assert len(taken) == sum(counts.total() for counts in load.accepted.values()) > 0
    assert len(load.accepted) == 6


@pytest.mark.parametrize(
    ("chosen", "said_there", "said_here"),
    [
        ("another secret of its own", "has another secret than this node", "has another secret than this node"),
        ("", "it does not encrypt and this node does", "it encrypts and this node does not"),
    ],
    ids=["another secret", "no secret"],
)
def test_a_wrong_secret_is_told_on_both_sides(nodes: Nodes, chosen: str, said_there: str, said_here: str) -> None:
    """Within two seconds both logs name the fault and the cure, once; the two never link."""
    node = nodes.start(secret="the secret of this mesh", bind="127.0.0.1")
    address = node.call("address")

    stranger = nodes.start(secret=chosen, bind="127.0.0.1", seeds=[address])
    started_at = time.monotonic()
    wait_until(lambda: said_there in node.complaints, TOLD_WITHIN_S, "the node tells of the stranger")
    left_s = TOLD_WITHIN_S - (time.monotonic() - started_at)
    wait_until(lambda: said_here in stranger.complaints, left_s, "the stranger tells of the node")

    assert f"{address} refused this node" in stranger.complaints
    assert (node.call("peers"), stranger.call("peers")) == ({}, {})
    for complaints in (node.complaints, stranger.complaints):
        assert complaints.count("give all nodes of the cluster the same secret") == 1
        assert "the secret of this mesh" not in complaints
        assert "another secret of its own" not in complaints


def test_a_browser_is_told_of(nodes: Nodes) -> None:
    """HTTP on a port of the mesh is one line in the log, and the connection is closed at once."""
    node = nodes.start(secret="the secret of this mesh", bind="127.0.0.1")
    host, _, port = node.call("address").removeprefix("tcp://").rpartition(":")

    for _ in range(3):
        with (
            socket.create_connection((host, int(port)), timeout=TOLD_WITHIN_S) as connection,
            suppress(ConnectionResetError),
        ):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while connection.recv(4096):
                pass

    wait_until(lambda: "does not speak ZeroMQ" in node.complaints, TOLD_WITHIN_S, "the node tells of the browser")
    assert len(node.complaints.splitlines()) <= 2  # one more if the first was gone before it could be looked up
