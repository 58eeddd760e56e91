"""WebSocket: a room of 100 clients, half of them at one server and half at another."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Final

from contestants.layers import PEERS, OpenBackend
from contestants.servers import CHANNELS, daphne, run_worker, uvicorn
from contestants.sites import Mesh, Site
from support.crowd import Crowd
from support.lines import close_lines, open_lines
from support.scenario import OURS, Contestant, Measure, Round, Scenario, Target

__all__ = ["SCENARIOS"]

SERVERS: Final = 2
AT_EACH: Final = 50
PER_SECOND: Final = 100.0
WARM_UP_S: Final = 0.3
ROOMY: Final = ("--capacity", "1000000", "--peer-messages", "1000000", "--peer-bytes", "1073741824")
"""Capacity is raised for all alike, as the layers of others have it here."""

OpenRoom = Callable[[], AbstractContextManager[Site]]
"""Starts the servers, and what is between them."""


@contextmanager
def beside_broker(serve: Callable[..., Site], open_backend: OpenBackend) -> Iterator[Site]:
    """Start a broker, and two servers whose layer is on it."""
    with open_backend() as backend:
        layer = json.dumps({"BACKEND": backend.path, "CONFIG": dict(backend.settings)})
        with serve(CHANNELS, layer=layer, servers=SERVERS) as site:
            yield site


MESHES: Final[Mapping[str, OpenRoom]] = {
    OURS: partial(Mesh, run_worker(None, None, *ROOMY), ROOMY, servers=SERVERS),
    f"{OURS}, prefetch 0": partial(Mesh, run_worker(None, 0, *ROOMY), ROOMY, servers=SERVERS),
}
OTHERS: Final[Mapping[str, OpenRoom]] = {
    f"{name} + {layer}": partial(beside_broker, serve, open_backend)
    for name, serve in {"uvicorn": uvicorn, "Daphne": daphne}.items()
    for layer, open_backend in PEERS.items()
}
SITES: Final[Mapping[str, OpenRoom]] = {**MESHES, **OTHERS}

Do = Callable[[Site, float], Mapping[str, float]]


def chatting(site: OpenRoom, do: Do) -> Contestant:
    """Return who does *do* for so many seconds a round."""

    @contextmanager
    def entered(seconds: float) -> Iterator[Round]:
        with site() as running:
            burst(running, WARM_UP_S)
            yield lambda: do(running, seconds)

    return entered


@contextmanager
def room(site: Site) -> Iterator[Callable[[], Crowd]]:
    """Fill the room; returns what makes a crowd of it."""
    lines = [line for port in site.ports for line in open_lines(port, AT_EACH, "/room")]
    try:
        yield lambda: Crowd(lines)
    finally:
        close_lines(lines)


def burst(site: Site, seconds: float) -> Mapping[str, float]:
    """Let everybody speak as soon as they heard themselves, so that 100 messages are on their way at any time."""
    before = _cpu_s(site)
    with room(site) as crowd:
        heard = crowd().burst(seconds)
    costs = (_cpu_s(site) - before) / max(1, heard.deliveries) * 1e6
    client = heard.client_s / heard.seconds * 100
    rate = heard.deliveries / heard.seconds
    return {"rate": rate, "lost": float(heard.lost), "processor": costs, "client": client}


def paced(site: Site, seconds: float) -> Mapping[str, float]:
    """Let one after the other speak, 100 times a second."""
    with room(site) as crowd:
        crowd().paced(WARM_UP_S, PER_SECOND)
        heard = crowd().paced(seconds, PER_SECOND)
    cuts = statistics.quantiles(heard.last_s, n=100, method="inclusive")
    return {"p50": cuts[49] * 1e3, "p99": cuts[98] * 1e3, "lost": float(heard.lost)}


def _cpu_s(site: Site) -> float:
    return sum(process.cpu_s for process in (*site.servers, *site.workers))


NOTHING_LOST: Final = Target("lost", 0.0)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="websocket-chat",
        title="One room, 50 clients at each of two servers, a message of each on its way",
        family="websocket-chat",
        measures=(
            Measure("rate", "deliveries/s", is_rate=True),
            Measure("lost", "deliveries"),
            Measure("processor", "µs/delivery"),
            Measure("client", "%"),
        ),
        contestants={name: chatting(site, burst) for name, site in SITES.items()},
        targets=(Target("rate", 1.5, 4.0, tuple(OTHERS)), NOTHING_LOST),
        is_quick=True,
        notes="Processor time is that of servers and worker; brokers come on top.",
    ),
    Scenario(
        name="websocket-chat-paced",
        title="One room, 50 clients at each of two servers, 100 messages a second: until the last has heard",
        family="websocket-chat-paced",
        measures=(Measure("p50", "ms"), Measure("p99", "ms"), Measure("lost", "deliveries")),
        contestants={name: chatting(site, paced) for name, site in SITES.items()},
        targets=(Target("p99", 1.0, 0.5, tuple(OTHERS)), NOTHING_LOST),
    ),
)
