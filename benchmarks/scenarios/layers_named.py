"""
One process sends to a named channel, whose messages several worker processes share.

In each one task reads, which is the worst case without prefetch: its next message leaves the sender when the one before
is done. ``runworker`` has four threads that read. Bare sockets show what is left of that way without a mesh.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

from contestants.layers import NATS, PEERS, OpenBackend, mesh
from contestants.raw import RAW
from support.board import Board, Marks
from support.children import Child
from support.dealer import Deal, Dealer
from support.pair import make_message
from support.raw_crew import RawCrew
from support.readers import Worker
from support.scenario import OURS, Contestant, Measure, Round, Scenario, Target

__all__ = ["SCENARIOS"]

BYTES: Final = 200
CHANNEL: Final = "benchmark.work"
UNDER_WAY: Final = 2_000
MOST_PER_S: Final = 500_000
RECEIVERS: Final = 4

UNIQUE: Final = Measure("unique messages", "messages/s", is_rate=True)
TWICE: Final = Measure("delivered twice", "messages")
LOST: Final = Measure("lost", "messages")

LAYERS: Final[Mapping[str, OpenBackend]] = {
    OURS: mesh,
    **{f"{OURS}, prefetch {prefetch}": partial(mesh, prefetch=prefetch) for prefetch in (8, 32, 128)},
    **PEERS,
}
AHEAD: Final = f"{OURS}, prefetch 128"
SEVERAL: Final = f"{OURS}, {RECEIVERS} receivers each"
CONTESTANTS: Final = {**{name: (layer, 1) for name, layer in LAYERS.items()}, SEVERAL: (mesh, RECEIVERS)}
TARGETS: Final = (
    Target(UNIQUE.name, 8_000, 15_000),
    Target(UNIQUE.name, 8_000, 15_000, ours=SEVERAL),
    Target(UNIQUE.name, 0.7, 1.2, (NATS,), AHEAD),
    *(Target(TWICE.name, 0, ours=name) for name in CONTESTANTS if name.startswith(OURS)),
)


def _share(open_backend: OpenBackend, receivers: int, workers: int) -> Contestant:
    @contextmanager
    def contestant(seconds: float) -> Iterator[Round]:
        board, marks = Board(workers, is_shared=True), Marks(workers, int(seconds * MOST_PER_S))
        message = make_message(BYTES)
        with ExitStack() as stack:
            backend = stack.enter_context(open_backend())
            children = [
                stack.enter_context(Child(backend, workers, Worker, board, marks, place, CHANNEL, receivers))
                for place in range(workers)
            ]
            dealer = stack.enter_context(Child(backend, workers, Dealer, board, marks, UNDER_WAY))
            for child in (*children, dealer):
                child.hello()
            dealer.call("meet", CHANNEL, message)
            yield lambda: _figures(dealer.call("deal", CHANNEL, message, seconds))

    return contestant


@contextmanager
def _raw(workers: int, seconds: float) -> Iterator[Round]:
    message = make_message(BYTES)
    with RawCrew(workers) as crew:
        yield lambda: _figures(crew.deal(message, seconds))


def _figures(deal: Deal) -> Mapping[str, float]:
    return {UNIQUE.name: deal.unique / deal.seconds, TWICE.name: deal.twice, LOST.name: deal.sent - deal.unique}


def _scenario(workers: int) -> Scenario:
    return Scenario(
        name=f"named-{workers}",
        title=f"A named channel with {workers} worker{'s' * (workers > 1)}, {BYTES} bytes",
        family="named channel",
        measures=(UNIQUE, TWICE, LOST),
        contestants={**{name: _share(*how, workers) for name, how in CONTESTANTS.items()}, RAW: partial(_raw, workers)},
        targets=TARGETS if workers == 2 else (),
        x=workers,
        x_label="workers",
        is_quick=workers == 2,
    )


SCENARIOS: Final = tuple(map(_scenario, (1, 2, 4)))
