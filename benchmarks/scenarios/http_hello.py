"""HTTP: how fast a view that says hello is answered, as a function and as a coroutine, without and with middleware."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from contestants.servers import ASGI, daphne, gunicorn, run_worker, uvicorn
from contestants.sites import Mesh, OpenSite
from support.requests import REQUESTS, requesting
from support.scenario import OURS, Contestant, Scenario, Target

__all__ = ["SCENARIOS"]

UVICORN: Final = "uvicorn + Django"
DAPHNE: Final = "Daphne + Django"
SYNC: Final = "gunicorn sync"
THREADS: Final = "gunicorn gthread 4"

WORKERS: Final = {
    OURS: run_worker(),
    f"{OURS}, prefetch 0": run_worker(prefetch=0),
    f"{OURS}, 1 thread": run_worker(threads=1),
    f"{OURS}, 1 thread, prefetch 0": run_worker(threads=1, prefetch=0),
}
"""Of our variants; the first is what ``runworker`` does if nothing is said: 4 threads, prefetch 16."""


def contestants(path: str, middleware: str) -> Mapping[str, Contestant]:
    """Return those that serve the view at *path*."""
    ours: dict[str, OpenSite] = {name: partial(Mesh, worker, middleware=middleware) for name, worker in WORKERS.items()}
    ours[f"{OURS}, encrypted"] = partial(Mesh, run_worker(), middleware=middleware, is_encrypted=True)
    theirs: dict[str, OpenSite] = {
        UVICORN: partial(uvicorn, ASGI, middleware=middleware),
        DAPHNE: partial(daphne, ASGI, middleware=middleware),
        SYNC: partial(gunicorn, middleware=middleware),
        THREADS: partial(gunicorn, "--worker-class", "gthread", "--threads", "4", middleware=middleware),
    }
    return {name: requesting(site, path) for name, site in {**ours, **theirs}.items()}


NEVER_FAILS: Final = Target("failed", 0.0)
PROMPT: Final = Target("p99", 1.0, 0.5, (UVICORN,))

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="http-hello",
        title="Hello from a function, no middleware, 32 connections",
        family="http-hello",
        measures=REQUESTS,
        contestants=contestants("/", ""),
        targets=(
            Target("rate", 3.0, 5.0, (UVICORN,)),
            Target("rate", 6.0, 9.0, (DAPHNE,)),
            Target("rate", 0.6, 1.0, (SYNC,)),
            PROMPT,
            NEVER_FAILS,
        ),
        is_quick=True,
    ),
    Scenario(
        name="http-hello-seven",
        title="Hello from a function, the seven middleware of startproject, 32 connections",
        family="http-hello-seven",
        measures=REQUESTS,
        contestants=contestants("/", "seven"),
        targets=(Target("rate", 5.0, 10.0, (UVICORN,)), Target("rate", 0.6, 1.0, (THREADS,)), PROMPT, NEVER_FAILS),
    ),
    Scenario(
        name="http-async",
        title="Hello from a coroutine, no middleware, 32 connections",
        family="http-async",
        measures=REQUESTS,
        contestants=contestants("/async", ""),
        targets=(NEVER_FAILS,),
    ),
    Scenario(
        name="http-async-seven",
        title="Hello from a coroutine, the seven middleware of startproject, 32 connections",
        family="http-async-seven",
        measures=REQUESTS,
        contestants=contestants("/async", "seven"),
        targets=(NEVER_FAILS,),
    ),
)
