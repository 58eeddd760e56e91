"""How a server is measured with requests: what a round does, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from contestants.sites import OpenSite, Site
from support.scenario import Contestant, Measure, Round
from support.wrk import Burst, load, require_wrk

__all__ = ["COSTS", "FAILED", "LATENCIES", "RATE", "REQUESTS", "Load", "figures", "requesting"]

RATE: Final = Measure("rate", "requests/s", is_rate=True)
LATENCIES: Final = (Measure("p50", "ms"), Measure("p99", "ms"))
COSTS: Final = (Measure("server", "µs/request"), Measure("worker", "µs/request"))
"""Processor time, of a worker only where there is one; a server without one does its work."""
FAILED: Final = Measure("failed", "requests")
REQUESTS: Final = (RATE, *LATENCIES, *COSTS, FAILED)

Load = Callable[[int, int], Burst]
"""Loads a port for so many seconds."""

WARM_UP_S: Final = 1
US_PER_MS: Final = 1e3


def requesting(
    site: OpenSite,
    path: str = "/",
    *,
    keeps_alive: bool = True,
    upload: int = 0,
    loading: Load | None = None,
) -> Contestant:
    """Return who answers ``wrk`` at *path*, or another *loading*; see :func:`support.wrk.load`."""
    loading = loading or partial(load, path=path, keeps_alive=keeps_alive, upload=upload)
    return partial(_entered, site, loading)


def figures(site: Site, loading: Load, seconds: float) -> dict[str, float]:
    """Load *site* once, and return a figure for each of ``REQUESTS``."""
    everybody = {"server": site.servers, "worker": site.workers}
    before = {name: sum(process.cpu_s for process in processes) for name, processes in everybody.items()}
    burst = loading(site.port, max(1, round(seconds)))
    costs = {
        name: (sum(process.cpu_s for process in processes) - before[name]) / max(1, burst.requests) * 1e6
        for name, processes in everybody.items()
    }
    latencies = {"p50": burst.p50_us / US_PER_MS, "p99": burst.p99_us / US_PER_MS}
    return {"rate": burst.per_second, **latencies, **costs, "failed": float(burst.failed)}


@contextmanager
def _entered(site: OpenSite, loading: Load, seconds: float) -> Iterator[Round]:
    require_wrk()
    with site() as running:
        loading(running.port, WARM_UP_S)
        yield lambda: figures(running, loading, seconds)
