"""Whom a worker found."""

from __future__ import annotations

from support.memory_layer import MemoryPeer
from zmqlayer.names import NodeId
from zmqlayer.worker.found import describe_peers


def test_whom_it_found() -> None:
    """Those that are linked, by what they are; a link that is half made does not count."""
    half_linked = MemoryPeer(NodeId(b"h" * 16), "worker", "greeted")

    assert describe_peers([MemoryPeer(NodeId(b"\xff" * 16), "interface"), half_linked]) == "found interface 7777"


def test_a_worker_that_found_nobody() -> None:
    """It says that it does not need to be started again."""
    assert describe_peers([]) == "found nobody yet; it goes on looking"
