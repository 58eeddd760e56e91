"""Whether a server comes through what is done to it: memory, open files, and what other clients get meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from support.clients import Traffic
from support.cluster import Server
from support.node_process import wait_until

__all__ = ["MB", "unharmed"]

MB: Final = 1_000_000
SOON_S: Final = 10.0
N_CLIENTS: Final = 4
FULL_ROUND: Final = 50


@contextmanager
def unharmed(server: Server, growth: int) -> Iterator[Traffic]:
    """
    Check that in this block the server grows by no more than *growth* bytes at its worst, and answers other clients.

    After the block it is to have as many open files as before.
    """
    with Traffic([server.port], N_CLIENTS) as traffic:
        traffic.wait_for(FULL_ROUND, SOON_S)
        usage = server.usage
        files, memory = usage.files, usage.memory
        usage.forget_peak()
        yield traffic
        traffic.wait_for(FULL_ROUND, SOON_S)
        wait_until(lambda: usage.files <= files, SOON_S, f"{usage.files} open files are {files} again")
    assert usage.peak - memory <= growth, f"{usage.peak - memory:,} bytes more than {memory:,}"
    assert not traffic.failures, f"others were refused: {traffic.failures}"
