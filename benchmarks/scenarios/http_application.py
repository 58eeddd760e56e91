"""HTTP: a bare ASGI application in its server's process, and behind the mesh; HTTP/2, which only we speak."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from contestants.servers import BARE, daphne, host_application, run_consumer, uvicorn
from contestants.sites import Mesh, OpenSite
from support.requests import REQUESTS, requesting
from support.scenario import OURS, Scenario, Target
from support.wrk import load_http2

__all__ = ["SCENARIOS"]

UVICORN: Final = "uvicorn"
DAPHNE: Final = "Daphne"
WORKER_US: Final = 400.0

MESHES: Final[Mapping[str, OpenSite]] = {
    OURS: partial(Mesh, host_application()),
    f"{OURS}, asyncio": partial(Mesh, host_application(loop="asyncio")),
    f"{OURS}, consumer": partial(Mesh, run_consumer()),
    f"{OURS}, consumer, prefetch 16": partial(Mesh, run_consumer(prefetch=16)),
}
"""A consumer is what answers without ASGI and without Django: the least that a worker costs."""
ALONE: Final[Mapping[str, OpenSite]] = {UVICORN: partial(uvicorn, BARE), DAPHNE: partial(daphne, BARE)}
ENCRYPTED: Final[Mapping[str, OpenSite]] = {
    OURS: partial(Mesh, host_application(), is_tls=True),
    f"{OURS}, consumer, prefetch 16": partial(Mesh, run_consumer(prefetch=16), is_tls=True),
}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="http-application",
        title="Hello from a bare ASGI application, 32 connections",
        family="http-application",
        measures=REQUESTS,
        contestants={name: requesting(site) for name, site in {**MESHES, **ALONE}.items()},
        targets=(Target("rate", 0.6, against=(DAPHNE,)), Target("worker", WORKER_US), Target("failed", 0.0)),
    ),
    Scenario(
        name="http-connections",
        title="Hello from a bare ASGI application, a connection for each request",
        family="http-connections",
        measures=REQUESTS,
        contestants={name: requesting(site, keeps_alive=False) for name, site in {**MESHES, **ALONE}.items()},
        targets=(Target("failed", 0.0),),
    ),
    Scenario(
        name="http-2",
        title="Hello over HTTP/2, 32 streams on one connection with TLS",
        family="http-2",
        measures=REQUESTS,
        contestants={name: requesting(site, loading=load_http2) for name, site in ENCRYPTED.items()},
        targets=(Target("failed", 0.0),),
        notes="The client is written in Python and as slow as the server: compare runs with each other only.",
    ),
)
