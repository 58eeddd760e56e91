"""One process sends a message to another and waits for its echo, with nothing else under way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from contestants.layers import PEERS, OpenBackend, mesh
from contestants.raw import RAW, raw_run
from support.children import Child
from support.pair import make_message, percentiles
from support.readers import Echo
from support.scenario import OURS, Contestant, Measure, Round, Scenario, Target
from support.senders import TripSender

__all__ = ["SCENARIOS"]

BYTES: Final = 200
FIRST_S: Final = 0.1

P50: Final = Measure("round trip p50", "µs")
P99: Final = Measure("round trip p99", "µs")


def _through(open_backend: OpenBackend) -> Contestant:
    @contextmanager
    def contestant(seconds: float) -> Iterator[Round]:
        message = make_message(BYTES)
        with (
            open_backend() as backend,
            Child(backend, 1, Echo) as echo,
            Child(backend, 1, TripSender) as sender,
        ):
            channel, ours = echo.hello(), sender.hello()
            echo.call("echo_to", ours)
            sender.call("trips", channel, message, FIRST_S)
            yield lambda: _figures(sender.call("trips", channel, message, seconds))

    return contestant


@contextmanager
def _raw(seconds: float) -> Iterator[Round]:
    message = make_message(BYTES)
    with raw_run() as run:
        yield lambda: _figures(run.round_trips(message, seconds))


def _figures(took_s: Sequence[float]) -> Mapping[str, float]:
    p50_s, p99_s = percentiles(took_s)
    return {P50.name: p50_s * 1e6, P99.name: p99_s * 1e6}


SCENARIOS: Final = (
    Scenario(
        name="round-trip",
        title=f"One process sends to another and waits for the echo, {BYTES} bytes",
        family="round trip",
        measures=(P50, P99),
        contestants={OURS: _through(mesh), **{name: _through(layer) for name, layer in PEERS.items()}, RAW: _raw},
        targets=(Target(P50.name, 0.9, 0.55, tuple(PEERS)),),
        is_quick=True,
    ),
)
