"""How much memory the interface server and its worker need at most while one large body passes through them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import click

from support.processes import Process
from support.report import Figure, describe_machine, render, to_dicts
from support.servers import Daphne, Mesh, Server, has_daphne
from support.transfers import Transfer, download, upload

LIMIT_MB = 60
STILL_S = 3
MB = 1 << 20
SCENARIOS: tuple[tuple[str, Callable[[int, int], Transfer]], ...] = (
    ("upload", upload),
    (f"upload, view begins after {STILL_S} s", lambda port, size: upload(port, size, STILL_S)),
    ("download", download),
    (f"download, client still for {STILL_S} s", lambda port, size: download(port, size, STILL_S)),
)


@dataclass(frozen=True, slots=True)
class Peak:
    """
    What one body cost.

    Attributes:
        server: Peak of the server's memory, MB.
        worker: Peak of its worker's, MB; 0 without one.
        rate: MB per second.
        is_whole: Whether it arrived.
    """

    server: float
    worker: float
    rate: float
    is_whole: bool


def measure_server(server: Server, transfer: Callable[[int, int], Transfer], size: int) -> Peak:
    """Carry one body through a server that was started for it."""
    with server:
        everybody: list[Process] = [server.server, *server.workers]
        for process in everybody:
            process.reset_peak()
        try:
            done = transfer(server.port, size)
        except OSError:
            done = Transfer(False, float("inf"))
        peaks = [process.peak / MB for process in everybody] + [0.0]
        return Peak(peaks[0], peaks[1], size / MB / done.seconds, done.is_whole)


def measure(megabytes: int, beside: int) -> list[Figure]:
    """Measure each scenario: the mesh at *megabytes*, Daphne at *beside*."""
    figures = []
    for name, transfer in SCENARIOS:
        ours = measure_server(Mesh(), transfer, megabytes * MB)
        theirs = [measure_server(Daphne(), transfer, beside * MB)] if has_daphne() else []
        figures += [
            Figure(f"{name}: server, peak", "MB", [ours.server], [peak.server for peak in theirs], limit=LIMIT_MB),
            Figure(f"{name}: worker, peak", "MB", [ours.worker], limit=LIMIT_MB),
            Figure(f"{name}: rate", "MB/s", [ours.rate], [peak.rate for peak in theirs]),
            Figure(f"{name}: arrived", "whole", [float(ours.is_whole)], limit=1, is_least=True),
        ]
    return figures


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--megabytes", type=click.IntRange(1, 100_000), default=1024, help="Size of each body.")
@click.option("--beside", type=click.IntRange(1, 10_000), default=100, help="The same for Daphne, which holds it all.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(megabytes: int, beside: int, as_json: bool) -> None:
    """Measure memory during large transfers on loopback; takes about 60 seconds."""
    missing = "" if has_daphne() else "; Daphne is not installed: nothing to compare with"
    figures = measure(megabytes, beside)
    machine = describe_machine(("twisted", "pyzmq", *(["daphne"] if has_daphne() else [])))
    if as_json:
        click.echo(json.dumps({"machine": machine, "figures": to_dicts(figures)}, indent=2))
    else:
        click.echo(f"{machine}\nbodies of {megabytes:,} MB, for Daphne {beside:,} MB{missing}\n")
        click.echo(render(figures, "Daphne"))


if __name__ == "__main__":
    main()
