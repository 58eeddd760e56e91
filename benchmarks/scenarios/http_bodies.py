"""HTTP: bodies from 1 KB to 1 MB, sent by a view that is a function, and taken by one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from contestants.servers import ASGI, daphne, gunicorn, run_worker, uvicorn
from contestants.sites import Mesh, OpenSite
from support.requests import REQUESTS, requesting
from support.scenario import OURS, Scenario, Target

__all__ = ["SCENARIOS"]

KB: Final = 1024
SIZES: Final = (KB, 16 * KB, 128 * KB, 1024 * KB)

SITES: Final[Mapping[str, OpenSite]] = {
    OURS: partial(Mesh, run_worker()),
    f"{OURS}, prefetch 0": partial(Mesh, run_worker(prefetch=0)),
    "uvicorn + Django": partial(uvicorn, ASGI),
    "Daphne + Django": partial(daphne, ASGI),
    "gunicorn sync": gunicorn,
}
NEVER_FAILS: Final = (Target("failed", 0.0),)


def sent(size: int) -> Scenario:
    """Return the scenario of responses of *size* bytes."""
    return Scenario(
        name=f"http-body-{size // KB}k",
        title=f"Responses of {size // KB:,} KB from a function, 32 connections",
        family="http-body",
        measures=REQUESTS,
        contestants={name: requesting(site, f"/body/{size}") for name, site in SITES.items()},
        targets=NEVER_FAILS,
        x=size,
        x_label="bytes of the response",
    )


def taken(size: int) -> Scenario:
    """Return the scenario of uploads of *size* bytes."""
    return Scenario(
        name=f"http-upload-{size // KB}k",
        title=f"Uploads of {size // KB:,} KB to a function, 32 connections",
        family="http-upload",
        measures=REQUESTS,
        contestants={name: requesting(site, "/upload", upload=size) for name, site in SITES.items()},
        targets=NEVER_FAILS,
        x=size,
        x_label="bytes of the upload",
    )


SCENARIOS: tuple[Scenario, ...] = (*map(sent, SIZES), *map(taken, SIZES))
