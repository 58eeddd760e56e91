"""HTTP: one body of 100 MB in each direction, and what memory it takes, also while one side stands still."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final

from contestants.servers import ASGI, BARE, daphne, gunicorn, host_application, run_consumer, run_worker, uvicorn
from contestants.sites import Mesh, OpenSite, Site
from support.scenario import OURS, Contestant, Measure, Round, Scenario, Target
from support.transfers import Transfer, download, upload

__all__ = ["SCENARIOS"]

MB: Final = 1 << 20
SIZE: Final = 100 * MB
WARM_UP_SIZE: Final = MB
STILL_S: Final = 3.0
MOST_MB: Final = 60.0
ROUNDS: Final = 3

MEASURES: Final = (
    Measure("rate", "MB/s", is_rate=True),
    Measure("first byte", "ms"),
    Measure("server, peak", "MB"),
    Measure("worker, peak", "MB"),
    Measure("broken", "bodies"),
)
TARGETS: Final = (Target("server, peak", MOST_MB), Target("worker, peak", MOST_MB), Target("broken", 0.0))
"""A peak contains what the process has anyhow. A worker with Django is not held to one, since Django has most of it."""

VIEWS: Final[Mapping[str, tuple[OpenSite, str]]] = {
    OURS: (partial(Mesh, run_worker()), "/stream"),
    f"{OURS}, coroutine": (partial(Mesh, run_worker()), "/stream-async"),
    "uvicorn + Django": (partial(uvicorn, ASGI), "/stream-async"),
    "Daphne + Django": (partial(daphne, ASGI), "/stream-async"),
    "gunicorn sync": (gunicorn, "/stream"),
}
APPLICATIONS: Final[Mapping[str, OpenSite]] = {
    OURS: partial(Mesh, host_application()),
    f"{OURS}, consumer": partial(Mesh, run_consumer()),
    "uvicorn": partial(uvicorn, BARE),
    "Daphne": partial(daphne, BARE),
}

Carry = Callable[[int, int], Transfer]
"""Carries so many bytes by way of a port."""


def carrying(site: OpenSite, carry: Carry, still_s: float = 0.0) -> Contestant:
    """Return who is given bodies, each of which stands still for *still_s* seconds."""

    @contextmanager
    def entered(seconds: float) -> Iterator[Round]:
        with site() as running:
            if not still_s:
                carry(running.port, WARM_UP_SIZE)
            yield lambda: figures(running, carry, seconds)

    return entered


def figures(site: Site, carry: Carry, seconds: float) -> dict[str, float]:
    """Carry one body after the other for *seconds*, but one at least, and return a figure for each of ``MEASURES``."""
    for process in (*site.servers, *site.workers):
        process.reset_peak()
    done: list[Transfer] = []
    begun = time.monotonic()
    while not done or time.monotonic() < begun + seconds:
        done.append(carry(site.port, SIZE))
    peaks = {"server, peak": site.servers, "worker, peak": site.workers}
    return {
        "rate": statistics.median(SIZE / MB / transfer.seconds for transfer in done),
        "first byte": statistics.median(transfer.first_s for transfer in done) * 1e3,
        **{name: sum(process.peak for process in processes) / MB for name, processes in peaks.items()},
        "broken": float(sum(not transfer.is_whole for transfer in done)),
    }


def of_application(name: str, title: str, carry: Carry, still_s: float = 0.0) -> Scenario:
    """Return the scenario of bodies between a client and a bare ASGI application."""
    contestants = {who: carrying(site, carry, still_s) for who, site in APPLICATIONS.items()}
    return Scenario(name, title, name, MEASURES, contestants, TARGETS, rounds=ROUNDS if still_s else None)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="http-stream",
        title="100 MB streamed by a view",
        family="http-stream",
        measures=MEASURES,
        contestants={who: carrying(site, partial(download, path=path)) for who, (site, path) in VIEWS.items()},
        targets=tuple(target for target in TARGETS if target.measure != "worker, peak"),
    ),
    of_application("http-download", "100 MB from a bare ASGI application", download),
    of_application(
        "http-download-still",
        f"100 MB from a bare ASGI application to a client that stands still for {STILL_S:g} s",
        partial(download, still_s=STILL_S),
        STILL_S,
    ),
    of_application("http-upload", "100 MB to a bare ASGI application", upload),
    of_application(
        "http-upload-still",
        f"100 MB to a bare ASGI application that takes nothing for {STILL_S:g} s",
        partial(upload, still_s=STILL_S),
        STILL_S,
    ),
)
