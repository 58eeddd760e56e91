"""A worker's words for its operator."""

from __future__ import annotations

import threading
import time

from support.memory_layer import MemoryLayer, MemoryPeer
from support.worker_run import worker_for
from zmqlayer.names import NodeId
from zmqlayer.worker.service import Service
from zmqlayer.worker.threads import WorkerGroup


def service_for(layer: MemoryLayer) -> Service:
    """Return a service of one thread."""
    return Service(WorkerGroup(worker_for(layer, []), 1, threading.Event(), time.monotonic), str)


def test_whom_it_found(layer: MemoryLayer) -> None:
    """Those that are linked, by what they are; a link that is half made does not count."""
    half_linked = MemoryPeer(NodeId(b"h" * 16), "worker", "greeted")
    layer.links.extend([MemoryPeer(NodeId(b"\xff" * 16), "interface"), half_linked])

    assert service_for(layer).describe_peers() == "found interface 7777"


def test_a_worker_that_found_nobody(layer: MemoryLayer) -> None:
    """It says that it does not need to be started again."""
    assert service_for(layer).describe_peers() == "found nobody yet; the worker goes on looking"


def test_a_stop_that_comes_first(layer: MemoryLayer) -> None:
    """A stop that is requested before the threads have started ends them right after."""
    service = service_for(layer)

    service.request_stop()
    service.run()

    assert repr(service) == "<Service of <WorkerGroup [0 of 1 threads]>>"
