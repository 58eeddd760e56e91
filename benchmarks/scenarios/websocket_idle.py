"""WebSocket: what 1,000 clients cost a server on which nothing happens but pings."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from contestants.servers import CHANNELS, daphne, run_worker, uvicorn
from contestants.sites import Mesh, OpenSite
from support.lines import Line, Poll, close_lines, open_lines
from support.processes import raise_file_limit
from support.scenario import OURS, Contestant, Measure, Round, Scenario, Target

__all__ = ["SCENARIOS"]

HELD: Final = 1_000
WARM_UP: Final = 50
SPARE_FILES: Final = 500
PING_S: Final = "5"
HOLD_S: Final = 6.0
SETTLE_S: Final = 1.0
AIM_KB: Final = 16.0

DAPHNE: Final = "Daphne + Channels"
SITES: Final[Mapping[str, OpenSite]] = {
    OURS: partial(Mesh, run_worker(), ("--ping-interval", PING_S)),
    "uvicorn + Channels": partial(uvicorn, CHANNELS, "--ws-ping-interval", PING_S),
    DAPHNE: partial(daphne, CHANNELS, "--ping-interval", PING_S),
}


def holding(site: OpenSite) -> Contestant:
    """Return who holds 1,000 WebSockets, with a server that is started for each round: memory does not come back."""

    @contextmanager
    def entered(seconds: float) -> Iterator[Round]:
        raise_file_limit(HELD + SPARE_FILES)
        with site():
            pass  # who is missing says so here
        yield lambda: figures(site, max(HOLD_S, seconds))

    return entered


def figures(site: OpenSite, seconds: float) -> dict[str, float]:
    """Hold 1,000 for *seconds*, and return a figure for each measure; lost is who got no ping or was closed."""
    with site() as running:
        process = running.servers[0]
        close_lines(open_lines(running.port, WARM_UP, "/echo"))
        time.sleep(SETTLE_S)
        resident = process.resident
        lines = open_lines(running.port, HELD, "/echo")
        _hold(lines, SETTLE_S)
        cpu_s = process.cpu_s
        _hold(lines, seconds)
        percent = (process.cpu_s - cpu_s) / seconds * 100
        kilobytes = (process.resident - resident) / HELD / 1024
        lost = sum(not (line.is_open and line.pings) for line in lines)
        close_lines(lines)
    return {"memory": kilobytes, "server": percent, "lost": float(lost)}


def _hold(lines: Sequence[Line], seconds: float) -> None:
    """Answer pings for so long."""
    end = time.monotonic() + seconds
    with Poll(lines) as poll:
        while (left := end - time.monotonic()) > 0:
            for line in poll.readable(left):
                _read(line, poll)


def _read(line: Line, poll: Poll) -> None:
    try:
        line.read()
    except ConnectionError:
        poll.remove(line)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="websocket-idle",
        title=f"{HELD:,} idle WebSockets, each pinged every {PING_S} s",
        family="websocket-idle",
        measures=(Measure("memory", "KB/connection"), Measure("server", "%"), Measure("lost", "connections")),
        contestants={name: holding(site) for name, site in SITES.items()},
        targets=(Target("memory", 1.0, against=(DAPHNE,)), Target("memory", AIM_KB), Target("lost", 0.0)),
        rounds=3,
    ),
)
