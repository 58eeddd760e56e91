"""One process sends to another as fast as it can, one awaited send after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final

from contestants.layers import NATS, PEERS, REDIS, OpenBackend, mesh
from contestants.raw import RAW, raw_run
from support.board import Board
from support.children import Child
from support.pair import make_message
from support.readers import Reader
from support.scenario import OURS, Contestant, Measure, Round, Scenario, Target
from support.senders import Sender

__all__ = ["LOST", "ONE_WAY", "SCENARIOS", "one_way"]

REFERENCE_BYTES: Final = 200
SIZES: Final = (REFERENCE_BYTES, 1_000, 10_000, 100_000)
BYTES_UNDER_WAY: Final = 16 << 20
UNDER_WAY: Final = 20_000

ONE_WAY: Final = Measure("one way", "messages/s", is_rate=True)
LOST: Final = Measure("lost", "messages")
TARGETS: Final = (
    Target(ONE_WAY.name, 2.0, 3.5, (NATS,)),
    Target(ONE_WAY.name, 80.0, 150.0, (REDIS,)),
    Target(ONE_WAY.name, 0.35, 0.7, (RAW,)),
)


def one_way(open_backend: OpenBackend, size: int) -> Contestant:
    """Return a contestant that sends messages of *size* bytes through a layer."""

    @contextmanager
    def contestant(seconds: float) -> Iterator[Round]:
        board, message = Board(1), make_message(size)
        window = min(UNDER_WAY, BYTES_UNDER_WAY // size)
        with (
            open_backend() as backend,
            Child(backend, 1, Reader, board, 0) as reader,
            Child(backend, 1, Sender, board, window) as sender,
        ):
            channel = reader.hello()
            sender.hello()
            sender.call("meet", channel, message)

            def send() -> Mapping[str, float]:
                burst = sender.call("burst", channel, message, seconds)
                return {ONE_WAY.name: burst.deliveries / burst.seconds, LOST.name: burst.sent - burst.deliveries}

            yield send

    return contestant


@contextmanager
def _raw(size: int, seconds: float) -> Iterator[Round]:
    message = make_message(size)
    with raw_run() as run:
        yield lambda: {ONE_WAY.name: run.one_way(message, size, seconds), LOST.name: 0}


def _scenario(size: int) -> Scenario:
    is_reference = size == REFERENCE_BYTES
    layers: dict[str, OpenBackend] = {OURS: mesh, f"{OURS}, encrypted": partial(mesh, is_encrypted=True), **PEERS}
    return Scenario(
        name=f"one-way-{size}",
        title=f"One process sends to another, {size:,} bytes each",
        family="one way",
        measures=(ONE_WAY, LOST),
        contestants={**{name: one_way(layer, size) for name, layer in layers.items()}, RAW: partial(_raw, size)},
        targets=TARGETS if is_reference else (),
        x=size,
        x_label="message size, bytes",
        is_quick=is_reference,
    )


SCENARIOS: Final = tuple(map(_scenario, SIZES))
