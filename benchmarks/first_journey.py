"""
How fast two processes on one machine talk through the mesh, and how soon a new one joins.

Raw pyzmq is measured in the same run, in turns, so that the ratio means something on any machine.
"""

from __future__ import annotations

import json
import os
import statistics

import click

from support.joining import measure_joins
from support.mesh_pair import MeshPair
from support.pair import Pair, make_message
from support.raw_pair import RawPair
from support.report import Figure, describe_machine, render, to_dicts

MESSAGE_BYTES = 200
WARM_UP_MESSAGES = 5_000
WARM_UP_TRIPS = 500


class Rounds:
    """
    What one pair did, round by round.

    Attributes:
        per_second: Messages in one direction.
        p50: Median round trip of each round, µs.
        p99: 99th percentile of each round, µs.
    """

    def __init__(self, pair: Pair, messages: int, trips: int) -> None:
        self.per_second: list[float] = []
        self.p50: list[float] = []
        self.p99: list[float] = []
        self._pair = pair
        self._messages = messages
        self._trips = trips
        self._message = make_message(MESSAGE_BYTES)

    def warm_up(self) -> None:
        """Do a little of everything, unmeasured."""
        self._pair.one_way(self._message, WARM_UP_MESSAGES)
        self._pair.round_trips(self._message, WARM_UP_TRIPS)

    def measure_one_way(self) -> None:
        """Add a round of messages in one direction."""
        self.per_second.append(self._messages / self._pair.one_way(self._message, self._messages))

    def measure_round_trips(self) -> None:
        """Add a round of round trips."""
        cuts = statistics.quantiles(self._pair.round_trips(self._message, self._trips), n=100)
        self.p50.append(cuts[49] * 1e6)
        self.p99.append(cuts[98] * 1e6)


def measure_messages(rounds: int, messages: int, trips: int) -> list[Figure]:
    """Measure mesh and raw pyzmq in turns."""
    with MeshPair() as mesh_pair, RawPair() as raw_pair:
        mesh, raw = Rounds(mesh_pair, messages, trips), Rounds(raw_pair, messages, trips)
        for contestant in (mesh, raw):
            contestant.warm_up()
        for _ in range(rounds):
            for contestant in (mesh, raw):
                contestant.measure_one_way()
            for contestant in (mesh, raw):
                contestant.measure_round_trips()
    return [
        Figure("one way", "messages/s", mesh.per_second, raw.per_second, limit=50_000, is_least=True),
        Figure("round trip, median", "µs", mesh.p50, raw.p50, limit=5, is_ratio=True),
        Figure("round trip, 99th percentile", "µs", mesh.p99, raw.p99),
    ]


def measure_joining(joins: int) -> list[Figure]:
    """Measure how soon a process is a member."""
    measured = measure_joins(joins)
    return [
        Figure("join, from the layer", "ms", [join.of_layer for join in measured], limit=600),
        Figure("join, from the process", "ms", [join.of_process for join in measured]),
    ]


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--rounds", type=click.IntRange(3, 100), default=9, help="Rounds of messages, of which the median counts."
)
@click.option("--messages", type=click.IntRange(1000, 500_000), default=50_000, help="Messages one way in each round.")
@click.option("--trips", type=click.IntRange(100, 100_000), default=1_000, help="Round trips in each round.")
@click.option("--joins", type=click.IntRange(5, 100), default=9, help="Processes that join, one after the other.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(rounds: int, messages: int, trips: int, joins: int, as_json: bool) -> None:
    """Measure messages between two processes, and joins, on loopback; takes about 20 seconds."""
    for name in [name for name in os.environ if name.startswith("ZMQLAYER_")]:
        del os.environ[name]  # the settings of the benchmark alone count
    machine = describe_machine()
    figures = measure_messages(rounds, messages, trips) + measure_joining(joins)
    if as_json:
        click.echo(json.dumps({"machine": machine, "figures": to_dicts(figures)}, indent=2))
    else:
        click.echo(f"{machine}\n{MESSAGE_BYTES}-byte messages, medians of {rounds} rounds and {joins} joins\n")
        click.echo(render(figures))


if __name__ == "__main__":
    main()
