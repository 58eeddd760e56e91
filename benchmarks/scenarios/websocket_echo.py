"""WebSocket: how fast consumers echo, and how many clients connect in a second."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final

from contestants.servers import BARE, CHANNELS, daphne, host_application, run_consumer, run_worker, uvicorn
from contestants.sites import Mesh, OpenSite, Site
from support.echoes import Echoes, echo
from support.lines import close_lines, open_lines
from support.scenario import OURS, Contestant, Measure, Round, Scenario, Target

__all__ = ["SCENARIOS"]

TALKING: Final = 50
MESSAGE_BYTES: Final = 64
CONNECTS: Final = 200
WARM_UP_S: Final = 0.3
ALONE_SHARE: Final = 0.25
"""Part of a round in which one connection talks alone."""
ROUND_2016: Final = 1_200.0
"""Messages a second of Daphne 1.4, asgi_redis 1.4 and one worker of Channels 1.1."""

DAPHNE: Final = "Daphne + Channels"
UVICORN: Final = "uvicorn + Channels"
ROUTED: Final[Mapping[str, OpenSite]] = {
    OURS: partial(Mesh, run_worker()),
    f"{OURS}, prefetch 0": partial(Mesh, run_worker(prefetch=0)),
    f"{OURS}, 1 thread": partial(Mesh, run_worker(threads=1)),
    f"{OURS}, 1 thread, prefetch 0": partial(Mesh, run_worker(threads=1, prefetch=0)),
    f"{OURS}, consumers of Channels": partial(Mesh, host_application(CHANNELS)),
    UVICORN: partial(uvicorn, CHANNELS),
    DAPHNE: partial(daphne, CHANNELS),
}
PLAIN: Final[Mapping[str, OpenSite]] = {
    OURS: partial(Mesh, host_application()),
    f"{OURS}, asyncio": partial(Mesh, host_application(loop="asyncio")),
    f"{OURS}, consumer, prefetch 16": partial(Mesh, run_consumer(prefetch=16)),
    "uvicorn": partial(uvicorn, BARE),
    "Daphne": partial(daphne, BARE),
}
ECHOES: Final = (
    Measure("rate", "messages/s", is_rate=True),
    Measure("p50", "ms"),
    Measure("p99", "ms"),
    Measure("one connection, p50", "µs"),
    Measure("server", "µs/message"),
    Measure("worker", "µs/message"),
    Measure("client", "%"),
)
"""The client is this process, and has a core less than full if it does not limit."""


def echoing(site: OpenSite) -> Contestant:
    """Return who echoes messages of 64 bytes over 50 WebSockets."""

    @contextmanager
    def entered(seconds: float) -> Iterator[Round]:
        with site() as running:
            yield lambda: echo_figures(running, seconds)

    return entered


def connecting(site: OpenSite) -> Contestant:
    """Return who accepts WebSockets, 50 at a time."""

    @contextmanager
    def entered(seconds: float) -> Iterator[Round]:
        with site() as running:
            close_lines(open_lines(running.port, CONNECTS, "/echo"))
            yield lambda: connect_figures(running, seconds)

    return entered


def echo_figures(site: Site, seconds: float) -> dict[str, float]:
    """Return a figure for each of ``ECHOES``."""
    lines = open_lines(site.port, TALKING, "/echo")
    echo(lines, WARM_UP_S, MESSAGE_BYTES)
    alone = echo(lines[:1], seconds * ALONE_SHARE, MESSAGE_BYTES)
    before = _costs(site)
    together = echo(lines, seconds * (1 - ALONE_SHARE), MESSAGE_BYTES)
    costs = {name: (cost - before[name]) / len(together.took_s) * 1e6 for name, cost in _costs(site).items()}
    close_lines(lines)
    return {**_latencies(together), "one connection, p50": alone.p50_s * 1e6, **costs}


def connect_figures(site: Site, seconds: float) -> dict[str, float]:
    """Open 200 again and again for *seconds*, and return a figure for each measure of connects."""
    before, took_s, n_opened = _costs(site), 0.0, 0
    while took_s < seconds:
        begun = time.perf_counter()
        lines = open_lines(site.port, CONNECTS, "/echo")
        took_s += time.perf_counter() - begun
        n_opened += CONNECTS
        close_lines(lines)
    costs = {name: (cost - before[name]) / n_opened * 1e6 for name, cost in _costs(site).items()}
    return {"rate": n_opened / took_s, **costs}


def _costs(site: Site) -> dict[str, float]:
    everybody = {"server": site.servers, "worker": site.workers}
    return {name: sum(process.cpu_s for process in processes) for name, processes in everybody.items()}


def _latencies(echoes: Echoes) -> dict[str, float]:
    client = echoes.client_s / echoes.seconds * 100
    return {"rate": echoes.per_second, "p50": echoes.p50_s * 1e3, "p99": echoes.p99_s * 1e3, "client": client}


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="websocket-echo",
        title="Echo of 64 bytes by consumers, 50 connections",
        family="websocket-echo",
        measures=ECHOES,
        contestants={name: echoing(site) for name, site in ROUTED.items()},
        targets=(
            Target("rate", 1.0, against=(DAPHNE,)),
            Target("rate", 0.0, 1.0, (UVICORN,)),
            Target("rate", 4 * ROUND_2016),
        ),
        is_quick=True,
    ),
    Scenario(
        name="websocket-echo-application",
        title="Echo of 64 bytes by a bare ASGI application, 50 connections",
        family="websocket-echo-application",
        measures=ECHOES,
        contestants={name: echoing(site) for name, site in PLAIN.items()},
        notes="Bare uvicorn fills the core of the client: it could do more.",
    ),
    Scenario(
        name="websocket-connects",
        title="WebSockets opened, 50 at a time",
        family="websocket-connects",
        measures=(
            Measure("rate", "connects/s", is_rate=True),
            Measure("server", "µs/connect"),
            Measure("worker", "µs/connect"),
        ),
        contestants={name: connecting(site) for name, site in ROUTED.items()},
    ),
)
