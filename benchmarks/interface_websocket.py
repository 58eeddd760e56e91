"""How the interface server holds WebSockets, next to Daphne: echoes, connects, and thousands that are idle."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from contextlib import ExitStack

import click

from support.processes import raise_file_limit
from support.report import Figure, describe_machine, render, to_dicts
from support.servers import Daphne, Mesh, Server, has_daphne
from support.sockets import close_all, echo, open_many

PREFETCH = 16
TALKING = 50
MESSAGE_BYTES = 64
CONNECTS = 500
PING_S = 5
HOLD_S = 12.0
WARM_UP_S = 1.0
AIM_KB = 16
SPARE_FILES = 500


class Talk:
    """
    What one server did with WebSockets that talk, round by round.

    Attributes:
        per_second: Messages there and back over 50 WebSockets.
        p50: Median of a message there and back, µs.
        p99: 99th percentile, µs.
        server_us: Processor time of the server for each message.
        connects: Handshakes per second, 50 at a time.
    """

    def __init__(self, server: Server) -> None:
        self.per_second: list[float] = []
        self.p50: list[float] = []
        self.p99: list[float] = []
        self.server_us: list[float] = []
        self.connects: list[float] = []
        self._server = server

    async def measure(self, seconds: float) -> None:
        """Add a round."""
        begun = time.perf_counter()
        many = await open_many(self._server.port, CONNECTS)
        self.connects.append(CONNECTS / (time.perf_counter() - begun))
        await close_all(many[TALKING:])
        await echo(many[:TALKING], WARM_UP_S, MESSAGE_BYTES)
        cpu_s = self._server.server.cpu_s
        echoes = await echo(many[:TALKING], seconds, MESSAGE_BYTES)
        self.server_us.append((self._server.server.cpu_s - cpu_s) / len(echoes.took_us) * 1e6)
        await close_all(many[:TALKING])
        cuts = statistics.quantiles(echoes.took_us, n=100)
        self.per_second.append(echoes.per_second)
        self.p50.append(cuts[49])
        self.p99.append(cuts[98])


class Idle:
    """
    What one server pays for WebSockets on which nothing happens but pings.

    Attributes:
        kilobytes: Memory for each.
        percent: Of one processor, for all.
        lost: How many were not open at the end, or were never pinged.
    """

    def __init__(self, server: Server) -> None:
        self.kilobytes = self.percent = self.lost = 0.0
        self._server = server

    async def measure(self, number: int) -> None:
        """Open so many, and hold them for 12 seconds."""
        process = self._server.server
        await close_all(await open_many(self._server.port, TALKING))
        await asyncio.sleep(WARM_UP_S)
        resident = process.resident
        sockets = await open_many(self._server.port, number)
        await asyncio.sleep(WARM_UP_S)
        cpu_s = process.cpu_s
        await asyncio.sleep(HOLD_S)
        self.percent = (process.cpu_s - cpu_s) / HOLD_S * 100
        self.kilobytes = (process.resident - resident) / number / 1024
        self.lost = sum(not (socket.is_open and socket.pings) for socket in sockets)
        await close_all(sockets)


def measure_talk(rounds: int, seconds: float) -> list[Figure]:
    """Measure echoes and connects in turns."""
    with ExitStack() as stack:
        mesh = Talk(stack.enter_context(Mesh(PREFETCH)))
        daphne = Talk(stack.enter_context(Daphne())) if has_daphne() else None
        for _ in range(rounds):
            for contestant in (mesh, daphne):
                if contestant is not None:
                    asyncio.run(contestant.measure(seconds))

    def beside(name: str) -> list[float]:
        return [] if daphne is None else getattr(daphne, name)

    return [
        Figure("echoes", "1/s", mesh.per_second, beside("per_second")),
        Figure("echo, median", "µs", mesh.p50, beside("p50")),
        Figure("echo, 99th percentile", "µs", mesh.p99, beside("p99")),
        Figure("processor, server, each echo", "µs", mesh.server_us, beside("server_us")),
        Figure("connects", "1/s", mesh.connects, beside("connects")),
    ]


def measure_idle(number: int) -> list[Figure]:
    """Measure one server after the other, each started for this."""
    flags = ("--ping-interval", str(PING_S))
    held: list[Idle] = []
    servers: list[Server] = [Mesh(PREFETCH, flags), *([Daphne(flags)] if has_daphne() else [])]
    for server in servers:
        with server:
            held.append(Idle(server))
            asyncio.run(held[-1].measure(number))
    mesh, others = held[0], held[1:]
    return [
        Figure("each idle", "KB", [mesh.kilobytes], [idle.kilobytes for idle in others], limit=1, is_ratio=True),
        Figure("each idle, the aim", "KB", [mesh.kilobytes], limit=AIM_KB),
        Figure("processor, all idle", "%", [mesh.percent], [idle.percent for idle in others]),
        Figure("not held", f"of {number:,}", [mesh.lost], [], limit=0),
    ]


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--rounds", type=click.IntRange(1, 100), default=3, help="Rounds of echoes, of which the median counts.")
@click.option("--seconds", type=click.IntRange(1, 60), default=3, help="Of echoes in each round.")
@click.option("--idle", type=click.IntRange(100, 50_000), default=5_000, help="WebSockets that are held.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(rounds: int, seconds: int, idle: int, as_json: bool) -> None:
    """Measure WebSockets on loopback; takes about 90 seconds."""
    missing = "" if has_daphne() else "; Daphne is not installed: nothing to compare with"
    allowed = raise_file_limit(idle + SPARE_FILES) - SPARE_FILES
    if allowed < idle:
        click.echo(f"this user may open {allowed + SPARE_FILES:,} files: {allowed:,} WebSockets are held, not {idle:,}")
        idle = allowed
    figures = measure_talk(rounds, seconds) + measure_idle(idle)
    machine = describe_machine(("twisted", "autobahn", "pyzmq", *(["daphne"] if has_daphne() else [])))
    if as_json:
        click.echo(json.dumps({"machine": machine, "figures": to_dicts(figures)}, indent=2))
    else:
        click.echo(
            f"{machine}\nmedians of {rounds} rounds, {TALKING} WebSockets, {MESSAGE_BYTES}-byte messages, one worker, "
            f"prefetch {PREFETCH}; {idle:,} idle ones, pinged every {PING_S} s{missing}\n"
        )
        click.echo(render(figures, "Daphne"))


if __name__ == "__main__":
    main()
