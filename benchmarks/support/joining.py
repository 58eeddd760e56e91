"""How long a new process takes to join a node that runs already, found over mDNS."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from zmqlayer import SyncChannelLayer

__all__ = ["Join", "measure_joins"]

WITHIN_S: Final = 20.0
MEMBER: Final = """
import json, sys, time
import zmqlayer
imported_at = time.monotonic()
layer = zmqlayer.SyncChannelLayer(cluster=sys.argv[1])
layer.start()
layer.ready(peers=1, timeout=20)
print(json.dumps([imported_at, time.monotonic()]), flush=True)
sys.stdin.read()
layer.close()
"""


@dataclass(frozen=True, slots=True)
class Join:
    """
    One join, in milliseconds.

    Attributes:
        of_layer: From the construction of the layer to its first READY peer.
        of_process: The same from the start of the process: with the interpreter and all imports.
    """

    of_layer: float
    of_process: float


def measure_joins(number: int) -> list[Join]:
    """Let *number* processes, one after the other, join a node of this process."""
    cluster = f"benchmark-{secrets.token_hex(4)}"
    layer = SyncChannelLayer(cluster=cluster)
    try:
        layer.start()
        # The first join is not measured: it warms up caches of the disk.
        with _member(cluster):
            layer.ready(peers=1, timeout=WITHIN_S)
        return [_measure_join(cluster) for _ in range(number)]
    finally:
        layer.close()


def _measure_join(cluster: str) -> Join:
    started_at = time.monotonic()  # the same clock in all processes
    with _member(cluster) as (imported_at, ready_at):
        return Join((ready_at - imported_at) * 1e3, (ready_at - started_at) * 1e3)


@contextmanager
def _member(cluster: str) -> Iterator[tuple[float, float]]:
    command = [sys.executable, "-c", MEMBER, cluster]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            imported_at, ready_at = json.loads(process.stdout.readline())
            yield imported_at, ready_at
            process.communicate("", timeout=WITHIN_S)
        finally:
            if process.poll() is None:
                process.kill()
