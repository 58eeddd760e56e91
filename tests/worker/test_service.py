"""A worker's words for its operator."""

from __future__ import annotations

import threading
import time

from support.memory_layer import MemoryLayer
from support.worker_run import worker_for
from zmqlayer.worker.service import Service
from zmqlayer.worker.threads import WorkerGroup


def service_for(layer: MemoryLayer) -> Service:
    """Return a service of one thread."""
    return Service(WorkerGroup(worker_for(layer, []), 1, threading.Event(), time.monotonic), str)


def test_a_stop_that_comes_first(layer: MemoryLayer) -> None:
    """A stop that is requested before the threads have started ends them right after."""
    service = service_for(layer)

    service.request_stop()
    service.run()

    assert repr(service) == "<Service of <WorkerGroup [0 of 1 threads]>>"
