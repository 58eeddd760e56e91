"""One process sends to a group whose members live in others, each member with a channel and a task of its own."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

from contestants.layers import PEERS, OpenBackend, mesh
from support.board import Board
from support.children import Child
from support.pair import Message, make_message, percentiles
from support.readers import Members
from support.scenario import OURS, Contestant, Measure, Round, Scenario, Target
from support.senders import GroupSender

__all__ = ["SCENARIOS"]

BYTES: Final = 200
GROUP: Final = "benchmark"
UNDER_WAY: Final = (20, 500)
"""Group messages, at least and at most; between them as many as give so many deliveries:"""
DELIVERIES_UNDER_WAY: Final = 10_000
PERIOD_S: Final = 0.04
"""Where calls alone are compared: more than 1,000 members need, so that the caller rests as long with ten."""

DELIVERIES: Final = Measure("deliveries", "deliveries/s", is_rate=True)
LOST: Final = Measure("lost", "deliveries")
LAST_P50: Final = Measure("send to last member p50", "ms")
LAST_P99: Final = Measure("send to last member p99", "ms")
CALL: Final = Measure("group_send call", "µs")
FEW: Final = f"{OURS}, 10 members"


class Crowd:
    """
    One sender, and *processes* with *members* each.

    Args:
        seconds: Of a round: half of it sends as fast as possible, half of it one message at a time.
    """

    def __init__(self, processes: int, members: int, seconds: float) -> None:
        self._board = Board(processes, members)
        self._processes = processes
        self._half_s = seconds / 2
        self._message: Message = make_message(BYTES)

    @contextmanager
    def enter(self, open_backend: OpenBackend) -> Iterator[None]:
        """Start all, and end them on exit."""
        everybody = self._processes * self._board.lap
        window = max(UNDER_WAY[0], min(UNDER_WAY[1], DELIVERIES_UNDER_WAY // everybody))
        with ExitStack() as stack:
            backend, peers = stack.enter_context(open_backend()), self._processes
            readers = [
                stack.enter_context(Child(backend, peers, Members, self._board, place, GROUP))
                for place in range(self._processes)
            ]
            self._sender = stack.enter_context(Child(backend, peers, GroupSender, self._board, window))
            for child in (*readers, self._sender):
                child.hello()
            self._sender.call("meet", GROUP, self._message)
            yield

    def fill(self) -> Mapping[str, float]:
        """Send as fast as possible, then one at a time."""
        burst = self._sender.call("burst", GROUP, self._message, self._half_s)
        lost = burst.sent * self._processes * self._board.lap - burst.deliveries
        return {DELIVERIES.name: burst.deliveries / burst.seconds, LOST.name: lost, **self.single(self._half_s)}

    def single(self, seconds: float, period_s: float = 0.0) -> Mapping[str, float]:
        """Send one at a time, with *period_s* between them at least."""
        calls_s, lasts_s = self._sender.call("singles", GROUP, self._message, seconds, period_s)
        p50_s, p99_s = percentiles(lasts_s)
        return {LAST_P50.name: p50_s * 1e3, LAST_P99.name: p99_s * 1e3, CALL.name: statistics.median(calls_s) * 1e6}


def _fan_out(open_backend: OpenBackend, processes: int, members: int) -> Contestant:
    @contextmanager
    def contestant(seconds: float) -> Iterator[Round]:
        crowd = Crowd(processes, members, seconds)
        with crowd.enter(open_backend):
            yield crowd.fill

    return contestant


def _one_at_a_time(members: int) -> Contestant:
    @contextmanager
    def contestant(seconds: float) -> Iterator[Round]:
        crowd = Crowd(1, members, seconds)
        with crowd.enter(mesh):
            yield lambda: crowd.single(seconds, PERIOD_S)

    return contestant


def _scenario(members: int, targets: tuple[Target, ...] = ()) -> Scenario:
    return Scenario(
        name=f"group-{members}",
        title=f"A group of {members:,} members in one other process, {BYTES} bytes",
        family="group",
        measures=(DELIVERIES, LOST, LAST_P50, LAST_P99, CALL),
        contestants={name: _fan_out(layer, 1, members) for name, layer in {OURS: mesh, **PEERS}.items()},
        targets=(*targets, Target(LOST.name, 0)),
        x=members,
        x_label="members",
        is_quick=members == 100,
    )


SCENARIOS: Final = (
    _scenario(10),
    _scenario(100, (Target(DELIVERIES.name, 1.5, 3.0, tuple(PEERS)),)),
    _scenario(1_000),
    Scenario(
        name="group-4x25",
        title=f"A group of 4 processes with 25 members each, {BYTES} bytes",
        family="group of 4 processes",
        measures=(DELIVERIES, LOST, LAST_P50, LAST_P99, CALL),
        contestants={name: _fan_out(layer, 4, 25) for name, layer in {OURS: mesh, **PEERS}.items()},
        targets=(
            Target(DELIVERIES.name, 1.5, 3.5, tuple(PEERS)),
            Target(LAST_P99.name, 1.0, 0.6, tuple(PEERS)),
            Target(LOST.name, 0),
        ),
    ),
    Scenario(
        name="group-send-cost",
        title="What group_send costs its caller with 1,000 members and with 10",
        family="group_send",
        measures=(CALL, LAST_P50, LAST_P99),
        contestants={OURS: _one_at_a_time(1_000), FEW: _one_at_a_time(10)},
        targets=(Target(CALL.name, 1.2, 1.05, (FEW,)),),
    ),
)
